#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/project.h"
#include "core/clock.h"
#include "core/result.h"
#include "data/dataset.h"
#include "data/engine.h"
#include "features/definition.h"
#include "features/online_store.h"

namespace tenure::app {

/// Definitions kept with a model, over the files of today: `dataset` for the project's own table,
/// other sources where tenure.yaml's folder has them now. What is read from them stays as it was
/// when the model was trained.
features::Definitions over_current_sources(const Project& project,
                                           features::Definitions definitions,
                                           const data::Dataset& dataset);

struct MaterializeWindow {
  std::span<const std::string> views;  ///< empty = all online views
  std::optional<core::Micros> from;    ///< none = each view from where it was left
  core::Micros until = 0;
};

struct Materialized {
  std::vector<features::MaterializeReport> reports;  ///< a view comes twice if the served model
                                                     ///< defines it otherwise
  std::string warning;  ///< why the served model's own views could not be written; "" = they were
};

/// Brings feature values online: those of `current`, and those of the version behind serving.alias
/// where it was trained under other definitions, for it goes on being asked. Errors: those of
/// features::materialize; what only concerns the served version's old definitions (a column that is
/// gone) is a warning, so that it does not keep a better model out.
core::Result<Materialized> materialize_all(Project& project, data::Engine& engine,
                                           const features::Definitions& current,
                                           const data::Dataset& dataset,
                                           const MaterializeWindow& window);

}  // namespace tenure::app
