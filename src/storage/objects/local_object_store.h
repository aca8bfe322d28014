#pragma once

#include <filesystem>
#include <memory>

#include "core/result.h"
#include "storage/objects/object_store.h"

namespace tenure::storage {

/// Objects as plain files below `root`. Symbolic links that leave the root are refused.
core::Result<std::unique_ptr<ObjectStore>> open_local_object_store(
    const std::filesystem::path& root);

}  // namespace tenure::storage
