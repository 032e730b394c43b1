mod ending;
mod plan;
