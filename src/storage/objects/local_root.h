#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "core/clock.h"
#include "core/descriptor.h"
#include "core/result.h"

namespace tenure::storage {

/// Name, in the root of a local store, of the folder where what is being written or removed waits.
/// It is there only while it holds something.
inline constexpr std::string_view kUnfinishedFolder = ".tenure-unfinished";

/// The folder of a local store: which file a key names, and how a file gets there. Thread-safe, and
/// safe while other processes use the same folder.
class LocalRoot {
 public:
  explicit LocalRoot(std::filesystem::path canonical_folder)
      : folder_(std::move(canonical_folder)) {}

  const std::filesystem::path& folder() const { return folder_; }

  /// The file of a key. Errors: kInvalidArgument for what is no key, for names kept for unfinished
  /// writes, and when a symbolic link on the way leads out of the root.
  core::Result<std::filesystem::path> object_path(std::string_view key) const;
  /// As object_path for a folder; "" is the root.
  core::Result<std::filesystem::path> folder_path(std::string_view folder) const;

  /// Calls `put_at(path)`, again when a removal took the folder of the key away meanwhile.
  /// Errors: kConflict when the key is a folder or lies below an object.
  core::Result<> place(
      std::string_view key,
      const std::function<core::Result<>(const std::filesystem::path&)>& put_at) const;

  struct Unfinished {
    core::Descriptor file;
    std::filesystem::path path;
  };
  /// A new, empty file that no listing shows, on the same file system.
  core::Result<Unfinished> create_unfinished() const;
  /// Gives such a file its name, durably; what had it is replaced at one instant.
  core::Result<> publish(const Unfinished& finished, std::string_view key) const;
  /// To be called when an unfinished file has gone.
  void tidy() const;

  /// Takes a folder or file out of sight at one instant, then removes it, and the folders above
  /// that are empty now. What is not there is fine.
  core::Result<> remove_all(const std::filesystem::path& path) const;
  /// Removes the folders from `folder` up that are empty, and makes that durable.
  core::Result<> remove_empty_folders(std::filesystem::path folder) const;

  /// Removes what killed processes left: unfinished files that nobody wrote to since
  /// `modified_before`.
  void remove_stale(core::Micros modified_before) const;

  /// Whether a path below the root is hidden from listings.
  bool is_hidden(const std::filesystem::path& path) const;

 private:
  core::Result<std::filesystem::path> resolve(std::string_view key) const;
  core::Error explain_conflict(std::string_view key, core::Error error) const;

  std::filesystem::path folder_;
};

}  // namespace tenure::storage
