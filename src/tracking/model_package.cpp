#include "tracking/model_package.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <system_error>

#include <fmt/format.h>

#include "core/file.h"
#include "core/id.h"
#include "storage/objects/object_key.h"
#include "tracking/mlmodel_file.h"
#include "tracking/signature.h"

namespace tenure::tracking {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescription = "MLmodel";
constexpr std::uint64_t kBytesMax = std::uint64_t{4} << 30;

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, fmt::format("model package: {}", message)};
}

core::Error corrupt(const fs::path& folder, std::string_view why) {
  return core::Error{core::ErrorCode::kCorruption,
                     fmt::format("model package {}: {}", folder.string(), why)};
}

core::Result<> check_package(const ModelPackage& package) {
  for (const auto& [path, bytes] : package.files) {
    // The rules of object keys are those of a path that cannot leave the folder.
    if (!storage::check_object_key(path)) {
      return invalid(
          fmt::format("file '{}': expected a relative path without '.', '..' or empty "
                      "parts",
                      path));
    }
    if (path == kDescription) return invalid("MLmodel is made, not given");
  }
  if (!package.files.contains(package.data_file))
    return invalid(fmt::format("the booster '{}' is not among the files", package.data_file));
  if (package.model_uuid.size() != 32 ||
      package.model_uuid.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return invalid(
        fmt::format("model_uuid '{}': expected 32 hexadecimal digits", package.model_uuid));
  }
  if (auto checked = check_signature(package.encoded_inputs, "encoded_inputs"); !checked)
    return invalid(checked.error().message);
  if (auto checked = check_signature(package.inputs, "inputs"); !checked)
    return invalid(checked.error().message);
  if (auto checked = check_signature(package.outputs, "outputs"); !checked)
    return invalid(checked.error().message);
  for (const auto& member : package.example) {
    bool is_known = false;
    for (const SignatureColumn& column : package.encoded_inputs)
      is_known = is_known || column.name == std::string_view(member.key());
    if (!is_known) {
      return invalid(fmt::format("example: column '{}' is not among encoded_inputs",
                                 std::string_view(member.key())));
    }
  }
  return {};
}

/// The example as pandas writes it: {"columns": [...], "data": [[...]]}.
core::JsonObject split_example(const ModelPackage& package) {
  core::JsonArray columns;
  core::JsonArray row;
  for (const SignatureColumn& column : package.encoded_inputs) {
    columns.emplace_back(column.name);
    const core::Json* value = package.example.if_contains(column.name);
    row.push_back(value == nullptr ? core::Json(nullptr) : *value);
  }
  return {{"columns", std::move(columns)}, {"data", core::JsonArray{std::move(row)}}};
}

/// `files` and those that MLflow wants beside them.
std::map<std::string, std::string> all_files(const ModelPackage& package) {
  auto files = package.files;
  files.try_emplace("requirements.txt", requirements_text(package));
  files.try_emplace("conda.yaml", conda_text(package));
  files.try_emplace("python_env.yaml", python_env_text());
  if (!package.example.empty()) {
    const core::JsonObject example = split_example(package);
    files.try_emplace("input_example.json", core::to_text(example));
    files.try_emplace("serving_input_example.json",
                      core::to_pretty_text(core::JsonObject{{"dataframe_split", example}}));
  }
  std::uint64_t size = 0;
  for (const auto& [path, bytes] : files) size += bytes.size();
  files[kDescription] = mlmodel_text(package, size);
  return files;
}

/// Gives the finished folder its name, unless something has that name.
core::Result<> publish_folder(const fs::path& temporary, const fs::path& folder) {
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, folder.c_str(), RENAME_NOREPLACE) != 0) {
    int reason = errno;
    if (reason == EEXIST || reason == ENOTEMPTY) {
      return core::Error{core::ErrorCode::kAlreadyExists,
                         fmt::format("model package {} exists", folder.string())};
    }
    // Not every file system knows the flag; a plain rename refuses all but an empty folder.
    if (reason == EINVAL || reason == ENOSYS)
      reason = ::rename(temporary.c_str(), folder.c_str()) == 0 ? 0 : errno;
    if (reason != 0) return core::system_error(reason, "cannot rename to", folder);
  }
  return core::sync_directory(folder.parent_path());
}

/// Reads every file below a folder. Symbolic links are refused: a package is made of plain files.
core::Result<std::map<std::string, std::string>> read_files(const fs::path& folder) {
  std::map<std::string, std::string> files;
  std::uint64_t size = 0;
  std::error_code status;
  fs::recursive_directory_iterator entry(folder, status);
  for (; !status && entry != fs::recursive_directory_iterator(); entry.increment(status)) {
    const std::string name = entry->path().lexically_relative(folder).generic_string();
    const fs::file_status kind = entry->symlink_status(status);
    if (status) break;
    if (fs::is_directory(kind)) continue;
    if (!fs::is_regular_file(kind))
      return corrupt(folder, fmt::format("'{}' is neither a file nor a folder", name));
    size += entry->file_size(status);
    if (status) break;
    if (size > kBytesMax) {
      return core::Error{
          core::ErrorCode::kResourceExhausted,
          fmt::format("model package {} has more than {} bytes", folder.string(), kBytesMax)};
    }
    auto bytes = core::read_file(entry->path());
    if (!bytes) return std::move(bytes).error();
    files[name] = std::move(*bytes);
  }
  if (status) return core::system_error(status.value(), "cannot read model package", folder);
  return files;
}

/// The example back from input_example.json; the file itself stays among the files.
core::Result<core::JsonObject> read_example(const fs::path& folder, const std::string& text) {
  auto parsed = core::parse_json(text);
  if (!parsed) return corrupt(folder, "input_example.json: " + parsed.error().message);
  auto columns = core::json_array(*parsed, "columns");
  auto data = core::json_array(*parsed, "data");
  core::JsonObject example;
  // Other forms of examples are MLflow's to use; ours is one row in pandas' split form.
  if (!columns || !data || (*data)->empty() || !(**data)[0].is_array()) return example;
  const core::JsonArray& row = (**data)[0].get_array();
  if (row.size() != (*columns)->size())
    return corrupt(folder, "input_example.json: a row has another width than 'columns'");
  for (std::size_t i = 0; i < row.size(); ++i) {
    const core::Json& name = (**columns)[i];
    if (!name.is_string())
      return corrupt(folder, "input_example.json: columns: texts are expected");
    example[name.get_string()] = row[i];
  }
  return example;
}

}  // namespace

core::Result<> write_package(const ModelPackage& package, const fs::path& folder) {
  if (auto checked = check_package(package); !checked) return checked;
  std::error_code status;
  const fs::path target = fs::absolute(folder, status).lexically_normal();
  if (status || !target.has_filename())
    return invalid(fmt::format("'{}' is no name for a folder", folder.string()));
  if (fs::exists(fs::symlink_status(target, status))) {
    return core::Error{core::ErrorCode::kAlreadyExists,
                       fmt::format("model package {} exists", target.string())};
  }
  if (auto made = core::make_directories(target.parent_path()); !made) return made;
  const fs::path temporary =
      target.parent_path() /
      fmt::format(".{}.{}.tmp", target.filename().string(), core::random_hex_id().substr(0, 12));
  auto written = [&]() -> core::Result<> {
    for (const auto& [path, bytes] : all_files(package)) {
      if (auto done = core::write_file_atomically(temporary / path, bytes); !done) return done;
    }
    // Folders in between must be durable before the whole is named.
    for (const auto& entry : fs::recursive_directory_iterator(temporary, status)) {
      if (!entry.is_directory()) continue;
      if (auto synced = core::sync_directory(entry.path()); !synced) return synced;
    }
    if (auto synced = core::sync_directory(temporary); !synced) return synced;
    return publish_folder(temporary, target);
  }();
  if (!written) {
    fs::remove_all(temporary, status);
    return std::move(written).error().within("model package");
  }
  return {};
}

core::Result<ModelPackage> read_package(const fs::path& folder) {
  auto text = core::read_file(folder / kDescription);
  if (!text) return std::move(text).error().within("model package");
  auto package = parse_mlmodel(*text);
  if (!package) return std::move(package).error().within(folder.string());
  if (!storage::check_object_key(package->data_file)) {
    return corrupt(folder, fmt::format("MLmodel: flavors.{}.data: '{}' leaves the folder",
                                       package->flavor, package->data_file));
  }
  auto files = read_files(folder);
  if (!files) return std::move(files).error();
  files->erase(kDescription);
  if (!files->contains(package->data_file)) {
    return corrupt(folder, fmt::format("MLmodel: flavors.{}.data: no file '{}'", package->flavor,
                                       package->data_file));
  }
  if (const auto found = files->find("input_example.json"); found != files->end()) {
    auto example = read_example(folder, found->second);
    if (!example) return std::move(example).error();
    package->example = std::move(*example);
  }
  package->files = std::move(*files);
  return package;
}

}  // namespace tenure::tracking
