@rem The scripts of package.json begin with "exec", so that npm speaks to Node and not to a shell. Windows has no such word.
@%*
