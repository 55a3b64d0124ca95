"""Which published tensor becomes which variable of ours: one table for each kind of file, one module for each source."""
