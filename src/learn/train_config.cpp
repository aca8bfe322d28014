#include <thread>

#include "learn/trainer.h"

namespace tenure::learn {

core::Result<TransformSpec> TransformSpec::from_config(const core::Config& config) {
  TransformSpec spec;
  spec.impute = config.text("impute");
  spec.categories_max = static_cast<std::uint32_t>(config.integer("categories_max"));
  spec.scale = config.text("scale");
  spec.log = config.list("log");
  spec.crosses = config.list("crosses");
  return spec;
}

core::Result<TrainSpec> TrainSpec::from_config(const core::Config& config) {
  auto transform = TransformSpec::from_config(config.at("transform"));
  if (!transform) return std::move(transform).error();
  TrainSpec spec;
  spec.preset = config.text("preset");
  for (const std::string& name : config.names("params"))
    spec.params[name] = config.at("params").text(name);
  spec.rounds = static_cast<int>(config.integer("rounds"));
  spec.early_stopping_rounds = static_cast<int>(config.integer("early_stopping_rounds"));
  spec.seed = static_cast<std::uint64_t>(config.integer("seed"));
  spec.threads = static_cast<int>(config.integer("threads"));
  spec.folds = static_cast<int>(config.integer("cross_validation.folds"));
  spec.transform = *std::move(transform);
  return spec;
}

}  // namespace tenure::learn
