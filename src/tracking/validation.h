#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::tracking {

// MLflow's limits (mlflow/utils/validation.py), counted in characters, not bytes.
inline constexpr std::size_t kKeyMax = 250;
inline constexpr std::size_t kParamValueMax = 6000;
inline constexpr std::size_t kRunTagValueMax = 8000;
inline constexpr std::size_t kExperimentTagValueMax = 5000;
inline constexpr std::size_t kRegistryTagValueMax = 100'000;
inline constexpr std::size_t kRegistryTagColumnMax = 5000;  ///< where columns have a length
inline constexpr std::size_t kExperimentNameMax = 256;      ///< of the column
inline constexpr std::size_t kModelNameMax = 256;
inline constexpr std::size_t kAliasMax = 255;

/// What MLflow's errors on parameters of a request end with.
inline constexpr std::string_view kSeeApiDocs =
    " See the API docs for more information about request parameters.";

/// Checks the key of a metric, param or tag: letters of any script, digits, "_-. :/", a normalised
/// relative path, at most kKeyMax characters. `parameter` is MLflow's name of the field ("name" for
/// metrics, "key" for the rest), `what` that used when it is too long ("Metric name").
core::Result<> check_key(std::string_view key, std::string_view parameter, std::string_view what);

/// Checks that a text is UTF-8 and has at most `max` characters.
core::Result<> check_text(std::string_view text, std::size_t max, std::string_view what);

/// The first `max` characters of UTF-8 text.
std::string_view truncated(std::string_view text, std::size_t max);

/// Checks the name of a registered model: not blank, no '/' or ':', not "." or "..", at most
/// kModelNameMax.
core::Result<> check_model_name(std::string_view name);

/// Checks what an alias is made of: letters, digits, '_' and '-', at most kAliasMax.
core::Result<> check_alias_form(std::string_view alias);

/// Checks an alias that is to be given: its form; not "latest", not v<number>.
core::Result<> check_alias(std::string_view alias);

}  // namespace tenure::tracking
