"""Which published tensor becomes which variable of ours: one table for each kind of file, one module for each source."""

from tf_ssd.weights.tables import amdegroot, keras_applications, torchvision

TABLES = (*torchvision.TABLES, *amdegroot.TABLES, *keras_applications.TABLES)
