//! Cameras and checks for the tests and the demo
