//! stub
use super::{Endpoint, Listener, client::Client, outbox::Outbox};
use crate::Error;
use std::{path::Path, sync::Arc};
pub(super) fn subscriber(_: &Path, _: &Endpoint, _: &[String], _: Arc<dyn Listener>) -> Result<Box<dyn Client>, Error> {
    todo!()
}
pub(super) fn publisher(_: &Path, _: &Endpoint, _: Arc<Outbox>) -> Result<Box<dyn Client>, Error> {
    todo!()
}
