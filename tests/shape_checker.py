"""The checker that the tests hang on every function of the package: types and shapes."""

from beartype import BeartypeConf, beartype

# As in the type checker of the package, an int may stand where a float is asked for.
check = beartype(conf=BeartypeConf(is_pep484_tower=True))
