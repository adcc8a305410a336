"""The one place where HiGHS is made and read: arrays, Pyomo models, options, tolerances."""
