"""The solvers against each other, against oracles that share no code with them, and against themselves on changed markets.

==================  ==================================================================================================
``case``            one question: a problem on a document, and the setting in which it is put (columns, constants)
``asking``          puts a question to a method and checks what comes back, point by point, from the document alone
``families``        random procurement markets; ``states`` has the sharing markets with their oracle and relations
``oracle``          optima by counting kinds of equal workers, and of the relaxation by its dual
``relations``       what must hold between the optima of a procurement market and of a changed one
``examinations``    what needs more than two optima: all methods, the oracle, tiny time limits
``campaign``        draws cases, puts them to the test, has failures made small by ``shrinking``, counts
==================  ==================================================================================================
"""
