//! The pipeline as declarations: what each table may match, do, and go to.
