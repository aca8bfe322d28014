#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/objects/object_store.h"
#include "tracking/artifact_path.h"

namespace tenure::tracking {

/// Top folders of the proxied store whose names begin so are ours: no artifact lies there.
inline constexpr std::string_view kReservedFolders = ".tenure-";

/// A place in a store: where an artifact URI points.
struct ArtifactPlace {
  storage::ObjectStore* store = nullptr;  ///< borrowed from ArtifactLocator
  std::string key;                        ///< without a leading or trailing '/'; "" = the root
};

/// Finds artifacts by their URI: mlflow-artifacts:/x (and http(s) URLs of the proxy) in the store
/// that the proxy serves, file:///x and s3://bucket/x in the store they name, which are opened only
/// below `roots`: nobody reads the machine's files, or all that the server's keys open, through a
/// model version.
/// Stores of buckets are opened at first use and kept. Thread-safe.
class ArtifactLocator {
 public:
  /// `proxied`: what mlflow-artifacts: means; borrowed.
  /// `roots`: absolute paths or file: URIs; of s3: URLs the query, which says where and how the
  /// bucket is reached (storage/objects/s3_options.h). Else the environment says that.
  ArtifactLocator(storage::ObjectStore& proxied, std::vector<std::string> roots);
  ~ArtifactLocator();

  storage::ObjectStore& proxied() const { return *proxied_; }

  /// Errors: kInvalidArgument "Invalid path" for what leaves its root or is ours; kUnimplemented
  /// for a scheme that is not known; kPermissionDenied for what lies outside the roots; those of
  /// open_object_store for a bucket.
  core::Result<ArtifactPlace> find(std::string_view uri);

  /// The same for `path`, relative to `uri` and as a client sent it: percent-decoded until nothing
  /// changes, without "..", absolute or Windows paths (mlflow.md §6.1).
  core::Result<ArtifactPlace> find(std::string_view uri, std::string_view path);

 private:
  core::Result<ArtifactPlace> place_in_proxied(std::string key) const;
  core::Result<ArtifactPlace> find_local(std::string_view uri, const std::string& path);
  bool is_open(std::string_view bucket, std::string_view key) const;
  std::string bucket_url(std::string_view bucket) const;
  /// The store behind `url`, opened at its first use.
  core::Result<storage::ObjectStore*> store_at(const std::string& url);

  storage::ObjectStore* proxied_;
  std::vector<std::string> roots_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<storage::ObjectStore>, std::less<>> buckets_;
};

}  // namespace tenure::tracking
