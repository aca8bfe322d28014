#pragma once

#include <string>

#include "api/mlflow/graphql/document.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::api::mlflow::graphql {

/// Appends what `fields` ask of a value: of an object the members named, of a list that of every
/// item, of null null. Objects have all members of their type, null where nothing is set, and its
/// name as "__typename"; so a member that is missing was never there. Errors: kInvalidArgument for
/// such a field, for an object that is asked for whole and for fields of a scalar.
core::Result<> append_projected(std::string& out, const core::Json& value, const Field& field);

}  // namespace tenure::api::mlflow::graphql
