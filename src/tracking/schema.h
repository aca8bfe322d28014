#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tenure::tracking {

/// The Alembic revision of MLflow 2.20 to 2.22. Every later release upgrades from it.
inline constexpr std::string_view kMlflowRevision = "0584bdc529eb";

/// The statements that make MLflow's 19 tables at that revision, in order. `backend` is
/// Database::backend(). Names of constraints and indexes are MLflow's: its later migrations look
/// them up.
std::vector<std::string> mlflow_schema(std::string_view backend);

}  // namespace tenure::tracking
