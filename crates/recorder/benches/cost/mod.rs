//! What the benchmarks of cost share.
//! What they measure is left to them.

pub mod contender;
pub mod floor;
pub mod heap;
pub mod media;
pub mod meter;
pub mod nvidia;
pub mod plot;
pub mod ring;
pub mod rows;
