* the same in MPS
NAME          knapsack   FREE
OBJSENSE
    MAX
ROWS
 N  obj
 L  budget
 L  cap_a
 G  R3
 L  seats
 L  void
 N  unused
COLUMNS
    M1 'MARKER' 'INTORG'
    x1 obj 3 budget 2
    x1 cap_a 1 seats 1
    x1 void 1 unused 7
    M2 'MARKER' 'INTEND'
    x2 obj .1 budget 1.25
    x2 cap_a 1 seats 1
    x3 obj 5e0 budget 4
    x3 R3 -1 seats 1
    M3 'MARKER' 'INTORG'
    y obj 2 budget 1
    y R3 -1 seats 1
    y void 1
    M4 'MARKER' 'INTEND'
RHS
    budget 6.5 cap_a 1
    RHS R3 -1.5
    seats 2 void 2
RANGES
    RNG cap_a 1 seats 5
BOUNDS
 UP BND x1 1
 BV x2
 BV BND x3 1
 LI BND y 0
 UI BND y 1
ENDATA
