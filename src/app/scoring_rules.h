#pragma once

#include <vector>

#include "app/model_store.h"
#include "core/result.h"
#include "data/dataset.h"

namespace tenure::app {

/// How the columns behind a model's inputs are read from a file, in the order of the inputs. They
/// are found under the names that the model's features have in their sources, and read as the types
/// the model was trained with; a missing value stands for what it stood for then. Texts that mean
/// missing, and what happens to bad values, are as section `data` says now. Errors: kNotFound when
/// the model's feature service is gone.
core::Result<std::vector<data::ColumnRule>> scoring_rules(const StoredModel& stored,
                                                          const data::DataSpec& spec);

}  // namespace tenure::app
