#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tracking/model_package.h"

namespace tenure::tracking {

/// A signature's columns as MLflow's JSON text: [{"type": "double", "name": "a", "required":
/// true}].
std::string signature_to_json(const std::vector<SignatureColumn>& columns);

/// Reads it back. A tensor becomes a column with a shape. Errors: kInvalidArgument; kUnimplemented
/// for tensors of other types and nested types.
core::Result<std::vector<SignatureColumn>> signature_from_json(std::string_view text);

/// Checks types and names. `what` names the list in the message. Errors: kInvalidArgument.
core::Result<> check_signature(const std::vector<SignatureColumn>& columns, std::string_view what);

}  // namespace tenure::tracking
