"""The screens of gz2interp: they load, ask a figure function, and show."""
