#include "learn/trainer.h"

namespace tenure::learn {

core::Result<TransformSpec> TransformSpec::from_config(const core::Config& config) {
  const core::Config section = config.at("model.transform");
  TransformSpec spec;
  spec.impute = section.text("impute");
  spec.encode = section.text("encode");
  spec.categories_max = static_cast<std::uint32_t>(section.integer("categories_max"));
  spec.scale = section.text("scale");
  spec.log = section.list("log");
  spec.crosses = section.list("crosses");
  return spec;
}

core::Result<TrainSpec> TrainSpec::from_config(const core::Config& config) {
  auto transform = TransformSpec::from_config(config);
  if (!transform) return std::move(transform).error();
  const core::Config section = config.at("model");
  TrainSpec spec;
  spec.preset = section.text("preset");
  for (const std::string& name : section.names("params"))
    spec.params[name] = section.text("params." + name);
  spec.rounds = static_cast<int>(section.integer("rounds"));
  spec.early_stopping_rounds = static_cast<int>(section.integer("early_stopping_rounds"));
  spec.seed = static_cast<std::uint64_t>(section.integer("seed"));
  spec.threads = static_cast<int>(section.integer("threads"));
  spec.folds = static_cast<int>(section.integer("cross_validation.folds"));
  spec.transform = *std::move(transform);
  return spec;
}

}  // namespace tenure::learn
