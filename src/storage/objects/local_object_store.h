#pragma once

#include <filesystem>
#include <memory>

#include "core/result.h"
#include "storage/objects/object_store.h"

namespace tenure::storage {

/// Objects as plain files below `root`. Symbolic links that leave the root are refused. A segment
/// of a key is the name of a file or folder, so most file systems take up to 255 bytes; longer ones
/// are kInvalidArgument.
core::Result<std::unique_ptr<ObjectStore>> open_local_object_store(
    const std::filesystem::path& root);

}  // namespace tenure::storage
