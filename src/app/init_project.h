#pragma once

#include <filesystem>
#include <string>

#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

struct InitRequest {
  std::filesystem::path folder = ".";
  std::string from;      ///< table to bring; "" = a template
  std::string label;     ///< needed with `from`
  std::string id;        ///< "" = found
  std::string positive;  ///< "" = found
  std::string time;
  std::string project_template;  ///< telco, blank; "" = telco
};

/// Writes tenure.yaml (and .gitignore) into a new or empty-of-them folder. From a table: its
/// columns are looked at, what can be no feature is left out with the reason, and the file says so
/// in comments. Answers {"folder", "config", and for a table "rows", "columns", "label",
/// "positive", "positive_percent", "id", "ignored": [{"column", "why"}]}. Errors: kAlreadyExists
/// when tenure.yaml is there; kInvalidArgument (unknown template, `from` without `label`, a table
/// that cannot be learnt from); kNotFound.
core::Result<core::JsonObject> init_project(const InitRequest& request);

}  // namespace tenure::app
