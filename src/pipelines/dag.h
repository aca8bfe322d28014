#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/config.h"
#include "core/result.h"

namespace tenure::pipelines {

struct StepSpec {
  std::string name;
  std::string run;  ///< key into the StepRegistry
  std::vector<std::string> needs;
  int retries = 0;
  core::Micros retry_delay = 1'000'000;
  std::map<std::string, std::string> with;
};

/// A pipeline: steps in a topological order that keeps the file's order where it can.
struct Dag {
  std::string name;
  std::vector<StepSpec> steps;

  /// Errors (kInvalidArgument): unknown step in `needs` (nearest named), a cycle (spelled out),
  /// duplicate names, no steps.
  static core::Result<Dag> make(std::string name, std::vector<StepSpec> steps);

  /// Section pipelines of tenure.yaml; a step without `needs` needs the one above it. Names of all
  /// pipelines: first is the default. With no section, one pipeline `train` of `default_steps` in a
  /// chain.
  static core::Result<std::vector<Dag>> from_config(const core::Config& config,
                                                    std::span<const std::string> default_steps);

  std::vector<std::string> downstream_of(
      std::string_view step) const;  ///< itself and everything that needs it
};

}  // namespace tenure::pipelines
