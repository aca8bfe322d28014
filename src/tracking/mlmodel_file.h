#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "tracking/model_package.h"

// The texts of a model folder that describe the model: MLmodel and the environment files.
namespace tenure::tracking {

/// MLmodel of a package whose other files have `size` bytes.
std::string mlmodel_text(const ModelPackage& package, std::uint64_t size);

/// What MLmodel says; `files` stays empty. Errors: kCorruption naming the key; kUnimplemented.
core::Result<ModelPackage> parse_mlmodel(const std::string& text);

std::string requirements_text(const ModelPackage& package);
std::string conda_text(const ModelPackage& package);
std::string python_env_text();

}  // namespace tenure::tracking
