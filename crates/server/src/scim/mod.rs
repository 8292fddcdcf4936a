//! SCIM 2.0: resources as JSON, what is asked of them, and what patching makes of them. Nothing here does any I/O.
