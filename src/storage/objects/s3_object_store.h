#pragma once

#include <memory>

#include "core/result.h"
#include "storage/objects/object_store.h"
#include "storage/objects/s3_options.h"

namespace tenure::storage {

/// Objects of a bucket, below the prefix of the options. Opening sends nothing. Another process may
/// write there at any time; a put is atomic by S3's own promise. Here "a" and "a/b" may both be
/// objects. Errors: kInternal when the HTTP library cannot be set up.
core::Result<std::unique_ptr<ObjectStore>> open_s3_object_store(S3Options options);

}  // namespace tenure::storage
