#include "app/backup_tasks.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "core/descriptor.h"
#include "core/file.h"
#include "core/sha256.h"
#include "core/time_format.h"
#include "storage/sql/backup.h"

namespace tenure::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kDatabase = "database";
constexpr std::string_view kObjects = "objects/";
constexpr std::int64_t kFormat = 1;

struct BackupFile {
  std::string path;  ///< below the backup's folder
  std::uint64_t bytes = 0;
  std::string sha256;
};

core::Result<BackupFile> describe(const fs::path& folder, std::string path) {
  std::error_code status;
  const std::uint64_t bytes = fs::file_size(folder / path, status);
  if (status) return core::system_error(status.value(), "cannot read", folder / path);
  auto digest = core::sha256_file(folder / path);
  if (!digest) return std::move(digest).error();
  return BackupFile{std::move(path), bytes, *std::move(digest)};
}

/// Copies a file a piece at a time; the digest is of what was copied.
core::Result<BackupFile> copy_file(const fs::path& from, const fs::path& folder, std::string path) {
  if (auto made = core::make_directories((folder / path).parent_path()); !made)
    return std::move(made).error();
  std::ifstream in(from, std::ios::binary);
  if (!in) return core::system_error(errno, "cannot open", from);
  std::ofstream out(folder / path, std::ios::binary | std::ios::trunc);
  core::Sha256 digest;
  BackupFile file{std::move(path), 0, ""};
  std::vector<char> piece(1 << 20);
  while (in && out) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto size = static_cast<std::size_t>(in.gcount());
    digest.update({piece.data(), size});
    file.bytes += size;
    out.write(piece.data(), static_cast<std::streamsize>(size));
  }
  out.close();
  if (in.bad()) return core::system_error(EIO, "cannot read", from);
  if (!out) return core::system_error(errno == 0 ? EIO : errno, "cannot write", folder / file.path);
  file.sha256 = digest.hex();
  return file;
}

core::Result<std::vector<BackupFile>> copy_objects(Project& project, const fs::path& folder,
                                                   const BackupProgress& progress) {
  auto store = project.objects();
  if (!store) return std::move(store).error();
  auto objects = (*store)->list("");
  if (!objects) return std::move(objects).error();
  const fs::path cache = folder / "downloads";
  std::vector<BackupFile> files;
  std::int64_t done = 0;
  for (const storage::ObjectInfo& object : *objects) {
    auto local = (*store)->local_copy(object.key, cache);
    core::Result<BackupFile> copied =
        local ? copy_file(*local, folder, std::string(kObjects) + object.key)
              : core::Result<BackupFile>(local.error());
    std::error_code ignored;
    fs::remove_all(cache, ignored);  // else all of a bucket would lie there twice
    if (copied) {
      files.push_back(*std::move(copied));
    } else if (copied.error().code != core::ErrorCode::kNotFound) {
      return std::move(copied).error();
    }  // else it was removed since the list was made
    if (progress) progress(++done, static_cast<std::int64_t>(objects->size()));
  }
  return files;
}

/// One sync for all files, of which there may be many.
core::Result<> sync_all(const fs::path& folder) {
  const core::Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open() || ::syncfs(opened.get()) != 0)
    return core::system_error(errno, "cannot sync", folder);
  return {};
}

core::JsonObject manifest_of(const Project& project, const std::vector<BackupFile>& files) {
  core::JsonArray list;
  std::uint64_t bytes = 0;
  for (const BackupFile& file : files) {
    list.push_back(
        core::JsonObject{{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}});
    bytes += file.bytes;
  }
  const std::string url = project.config().text("storage.database");
  return {{"format", kFormat},
          {"project", project.name()},
          {"made", core::format_utc(project.clock().now())},
          {"database", url.starts_with("sqlite") ? "sqlite" : "postgresql"},
          {"bytes", bytes},
          {"files", std::move(list)}};
}

core::Result<core::JsonObject> fill(Project& project, const fs::path& folder,
                                    const BackupProgress& progress) {
  // As the first use of the project would leave it: a backup of a new one is not an error.
  if (auto database = project.database(); !database) return std::move(database).error();
  const std::string base = project.config().directory().string();
  auto copied = storage::back_up_database(project.config().text("storage.database"), base,
                                          folder / kDatabase);
  if (!copied) return std::move(copied).error().within("storage.database");
  auto database = describe(folder, std::string(kDatabase));
  if (!database) return std::move(database).error();
  auto files = copy_objects(project, folder, progress);
  if (!files) return std::move(files).error();
  files->insert(files->begin(), *std::move(database));
  core::JsonObject manifest = manifest_of(project, *files);
  auto written =
      core::write_file_atomically(folder / kManifest, core::to_pretty_text(manifest) + "\n");
  if (!written) return std::move(written).error();
  if (auto synced = sync_all(folder); !synced) return std::move(synced).error();
  return manifest;
}

/// What a command shows of a manifest: the list of files is long.
core::JsonObject summary_of(const core::JsonObject& manifest, const fs::path& folder) {
  core::JsonObject summary = manifest;
  summary["objects"] = manifest.at("files").as_array().size() - 1;
  summary.erase("files");
  summary["folder"] = folder.string();
  return summary;
}

/// A path of a manifest, which somebody may have changed: it must stay in the backup's folder.
bool stays_inside(const fs::path& path) {
  return !path.empty() && path.is_relative() &&
         std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

core::Result<core::JsonObject> read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifest;
  auto text = core::read_file(path);
  if (!text) return std::move(text).error();
  const auto damaged = [&](std::string_view why) {
    return core::Error{core::ErrorCode::kCorruption, fmt::format("{}: {}", path.string(), why)};
  };
  auto json = core::parse_json(*text);
  if (!json) return damaged(json.error().message);
  auto format = core::json_integer(*json, "format");
  if (!format) return damaged(format.error().message);
  if (*format != kFormat) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("{}: format {} is of a newer program; this one knows {}",
                                   path.string(), *format, kFormat)};
  }
  auto files = core::json_array(*json, "files");
  if (!files) return damaged(files.error().message);
  if ((*files)->empty()) return damaged("no files are listed");
  for (const core::Json& file : **files) {
    auto name = core::json_text(file, "path");
    if (!name) return damaged(name.error().message);
    if (auto bytes = core::json_integer(file, "bytes"); !bytes)
      return damaged(bytes.error().message);
    if (auto digest = core::json_text(file, "sha256"); !digest)
      return damaged(digest.error().message);
    if (*name != kDatabase && (!name->starts_with(kObjects) || !stays_inside(*name)))
      return damaged(fmt::format("unexpected path '{}'", *name));
  }
  if (auto backend = core::json_text(*json, "database"); !backend)
    return damaged(backend.error().message);
  return std::move(json->as_object());
}

core::Result<> check_files(const fs::path& folder, const core::JsonArray& files) {
  for (const core::Json& file : files) {
    const auto described = describe(folder, *core::json_text(file, "path"));
    if (!described) {
      return core::Error{core::ErrorCode::kCorruption,
                         fmt::format("the backup is not whole: {}", described.error().message)};
    }
    if (described->sha256 != *core::json_text(file, "sha256")) {
      return core::Error{core::ErrorCode::kCorruption,
                         fmt::format("{} is not the file that was backed up (its SHA-256 differs)",
                                     (folder / described->path).string())};
    }
  }
  return {};
}

core::Result<> check_target(Project& project, const core::JsonObject& manifest, bool is_forced) {
  const std::string url = project.config().text("storage.database");
  const std::string_view backend = url.starts_with("sqlite") ? "sqlite" : "postgresql";
  if (manifest.at("database").as_string() != backend) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("the backup is of a {} database, but storage.database is {}",
                                   std::string_view(manifest.at("database").as_string()), backend)};
  }
  if (is_forced) return {};
  auto holds_tables = storage::has_tables(url, project.config().directory().string());
  if (!holds_tables) return std::move(holds_tables).error().within("storage.database");
  auto store = project.objects();
  if (!store) return std::move(store).error();
  auto objects = (*store)->list("");
  if (!objects) return std::move(objects).error();
  if (*holds_tables || !objects->empty()) {
    return core::Error{core::ErrorCode::kConflict,
                       "the project holds experiments, models or objects already; restore into a "
                       "new one, or replace its database with --force"};
  }
  return {};
}

core::Result<> put_objects(Project& project, const fs::path& folder, const core::JsonArray& files,
                           const BackupProgress& progress) {
  auto store = project.objects();
  if (!store) return std::move(store).error();
  std::int64_t done = 0;
  for (const core::Json& file : files) {
    const std::string path = *core::json_text(file, "path");
    if (!path.starts_with(kObjects)) continue;
    auto put = (*store)->put_file(std::string_view(path).substr(kObjects.size()), folder / path);
    if (!put) return put;
    if (progress) progress(++done, static_cast<std::int64_t>(files.size()) - 1);
  }
  return {};
}

}  // namespace

core::Result<core::JsonObject> back_up(Project& project, const BackupRequest& request) {
  const fs::path folder = fs::absolute(request.folder).lexically_normal();
  std::error_code status;
  if (fs::exists(folder, status)) {
    return core::Error{
        core::ErrorCode::kConflict,
        fmt::format("{} is there already; a backup makes a new folder", folder.string())};
  }
  const fs::path unfinished = core::unfinished_path(folder);
  if (auto made = core::make_private_directory(unfinished); !made) return std::move(made).error();
  auto manifest = fill(project, unfinished, request.progress);
  if (!manifest) {
    fs::remove_all(unfinished, status);
    return std::move(manifest).error();
  }
  fs::rename(unfinished, folder, status);
  if (status) return core::system_error(status.value(), "cannot name", folder);
  if (auto synced = core::sync_directory(folder.parent_path()); !synced)
    return std::move(synced).error();
  return summary_of(*manifest, folder);
}

core::Result<core::JsonObject> restore(Project& project, const RestoreRequest& request) {
  auto manifest = read_manifest(request.folder);
  if (!manifest) return std::move(manifest).error();
  if (auto fits = check_target(project, *manifest, request.is_forced); !fits)
    return std::move(fits).error();
  const core::JsonArray& files = manifest->at("files").as_array();
  if (auto checked = check_files(request.folder, files); !checked)
    return std::move(checked).error();
  // Objects first: no row may name one that is not there yet.
  if (auto put = put_objects(project, request.folder, files, request.progress); !put)
    return std::move(put).error();
  auto restored = storage::restore_database(project.config().text("storage.database"),
                                            project.config().directory().string(),
                                            request.folder / kDatabase, request.is_forced);
  if (!restored) return std::move(restored).error().within("storage.database");
  return summary_of(*manifest, request.folder);
}

}  // namespace tenure::app
