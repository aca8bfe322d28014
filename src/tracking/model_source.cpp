#include "tracking/model_source.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <regex>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/json.h"
#include "core/percent.h"

namespace tenure::tracking {
namespace {

constexpr std::string_view kPromptTag = "mlflow.prompt.is_prompt";
constexpr std::string_view kPromptSource = "prompt-template";

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

/// "s3" of "s3://bucket/x"; "" when the text has no scheme.
std::string_view scheme_of(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos || colon == 0) return {};
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const std::string_view scheme = uri.substr(0, colon);
  const bool is_scheme =
      is_letter(scheme.front()) && std::ranges::all_of(scheme, [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
      });
  return is_scheme ? scheme : std::string_view();
}

/// Until nothing changes. Each round makes the text shorter.
std::string fully_decoded(std::string_view text) {
  std::string decoded(text);
  for (;;) {
    std::string next = core::percent_decoded(decoded);
    if (next == decoded) return decoded;
    decoded = std::move(next);
  }
}

bool has_segment(std::string_view text, std::string_view segment) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find_first_of("/\\", begin), text.size());
    if (text.substr(begin, end - begin) == segment) return true;
    begin = end + 1;
  }
  return false;
}

/// The path of a URI without a trailing '/': "/x" of "s3://bucket/x/?y".
std::string_view path_of(std::string_view uri) {
  std::string_view rest = uri.substr(uri.find(':') + 1);
  if (rest.starts_with("//")) rest = rest.substr(std::min(rest.find('/', 2), rest.size()));
  rest = rest.substr(0, rest.find_first_of("?#;"));
  while (rest.ends_with('/')) rest.remove_suffix(1);
  return rest;
}

core::Result<> check_remote(const std::string& source) {
  const std::string decoded = fully_decoded(source);
  const std::string_view path = path_of(decoded);
  const bool is_safe = decoded.find('\0') == std::string::npos && path.starts_with('/') &&
                       !has_segment(decoded, "..") && !has_segment(path, ".");
  if (is_safe) return {};
  return invalid(fmt::format(
      "Invalid model version source: '{}'. If supplying a source as an http, https, local file "
      "path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without "
      "relative path references present. Please provide an absolute path.",
      source));
}

/// The file system path of "/x", "x", "file:/x" or "file://localhost/x"; nothing for a URI of
/// another machine or scheme.
std::optional<std::filesystem::path> local_path(std::string_view uri) {
  const std::string_view scheme = scheme_of(uri);
  if (scheme.empty()) return std::filesystem::path(uri);
  if (scheme != "file") return std::nullopt;
  std::string_view rest = uri.substr(scheme.size() + 1);
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view host = rest.substr(0, slash);
    if (!host.empty() && host != "localhost" && host != "127.0.0.1" && host != ".")
      return std::nullopt;
    rest = rest.substr(slash);
  }
  return std::filesystem::path(core::percent_decoded(rest));
}

/// Whether `inner` is `outer` or below it, once symbolic links and ".." are followed.
bool is_inside(const std::filesystem::path& inner, const std::filesystem::path& outer) {
  std::error_code failed;
  const auto real = std::filesystem::weakly_canonical(inner, failed);
  if (failed) return false;
  auto root = std::filesystem::weakly_canonical(outer, failed);
  if (failed || root.empty()) return false;
  if (!root.has_filename()) root = root.parent_path();  // a trailing '/'
  const auto [end, ignored] = std::mismatch(root.begin(), root.end(), real.begin(), real.end());
  return end == root.end() && root != root.root_path();
}

core::Error outside(const NewModelVersion& version) {
  const std::string_view what = version.model_id.empty() ? "run" : "model";
  return invalid(fmt::format(
      "Invalid model version source: '{}'. To use a local path as a model version source, the "
      "{}_id request parameter has to be specified and the local path has to be contained within "
      "the artifact directory of the {} specified by the {}_id.",
      version.source, what, what, what));
}

core::Result<std::string> artifact_uri_of_run(storage::SqlExecutor& sql, const std::string& run) {
  auto rows = sql.query("SELECT artifact_uri FROM runs WHERE run_uuid = :run", {run});
  if (!rows) return std::move(rows).error();
  if (rows->empty())
    return core::Error{core::ErrorCode::kNotFound, fmt::format("Run with id={} not found", run)};
  return rows->front().text_or(0, "");
}

core::Result<> check_pattern(const std::string& source, const std::string& pattern) {
  if (pattern.empty()) return {};
  try {
    if (std::regex_search(source, std::regex(pattern))) return {};
  } catch (const std::regex_error& error) {
    // No 5xx: clients would repeat it for minutes.
    return invalid(fmt::format(
        "the server's pattern for sources of model versions, '{}', is no regular expression: {}",
        pattern, error.what()));
  }
  return invalid(fmt::format("Invalid model version source: '{}'.", source));
}

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// What `models:/name/3` or `models:/name@alias` names.
core::Result<ModelVersion> named_version(Registry& registry, std::string_view named) {
  if (const std::size_t slash = named.rfind('/'); slash != std::string_view::npos) {
    const std::string_view name = named.substr(0, slash);
    const std::string_view version = named.substr(slash + 1);
    if (const auto number = number_in(version)) return registry.get_version(name, *number);
    if (version == "latest") return registry.get_by_alias(name, version);
  } else if (const std::size_t at = named.rfind('@'); at != std::string_view::npos) {
    return registry.get_by_alias(named.substr(0, at), named.substr(at + 1));
  }
  return invalid("expected models:/<name>/<version>, models:/<name>@<alias> or models:/<model id>");
}

using NamedVersion = std::pair<std::string, std::string>;  // a model's name, and the number

/// An entry of the tag; nothing when it is none.
std::optional<NamedVersion> named_in(const core::Json& entry) {
  auto model = core::json_text(entry, "name");
  if (!model) return std::nullopt;
  if (auto text = core::json_text(entry, "version"))
    return NamedVersion(*std::move(model), *std::move(text));
  const auto number = core::json_integer(entry, "version");
  if (!number) return std::nullopt;
  return NamedVersion(*std::move(model), std::to_string(*number));
}

core::JsonObject entry_of(NamedVersion named) {
  return core::JsonObject{{"name", std::move(named.first)}, {"version", std::move(named.second)}};
}

}  // namespace

ModelSource::ModelSource(storage::Database& database, Registry& registry,
                         FindLoggedModel find_logged_model, std::string pattern)
    : database_(&database),
      registry_(&registry),
      find_logged_model_(std::move(find_logged_model)),
      pattern_(std::move(pattern)) {}

core::Result<> ModelSource::check_local(const NewModelVersion& version,
                                        std::string_view model_root) const {
  const auto path = local_path(version.source);
  if (!path || version.source.find('\0') != std::string::npos) return outside(version);
  std::string root(model_root);
  if (root.empty() && !version.run_id.empty()) {
    auto found = artifact_uri_of_run(*database_, version.run_id);
    if (!found) return std::move(found).error();
    root = *std::move(found);
  }
  const auto root_path = root.empty() ? std::nullopt : local_path(root);
  if (!root_path || !is_inside(*path, *root_path)) return outside(version);
  return {};
}

core::Result<NewModelVersion> ModelSource::resolve(NewModelVersion version) const {
  if (auto ok = check_pattern(version.source, pattern_); !ok) return std::move(ok).error();
  // Prompts have no files.
  if (version.tags.contains(std::string(kPromptTag)) && version.source == kPromptSource)
    return version;
  const std::string_view scheme = scheme_of(version.source);
  std::string_view named;
  if (scheme == "models") {
    named = std::string_view(version.source).substr(scheme.size() + 1);
    named.remove_prefix(std::min(named.find_first_not_of('/'), named.size()));
  }
  const bool names_logged_model =
      named.starts_with("m-") && named.find_first_of("/@") == std::string_view::npos;
  std::string model_root;
  const std::string model_id = names_logged_model ? std::string(named) : version.model_id;
  if (!model_id.empty()) {
    auto model = find_logged_model_(model_id);
    if (!model) return std::move(model).error();
    model_root = std::move(model->artifact_uri);
    if (names_logged_model) version.storage_location = model_root;
    if (version.run_id.empty()) version.run_id = std::move(model->source_run_id);
  }
  if (version.model_id != model_id && !version.model_id.empty()) {
    if (auto other = find_logged_model_(version.model_id); !other) return std::move(other).error();
  }
  if (scheme.empty() || scheme == "file") {
    if (auto ok = check_local(version, model_root); !ok) return std::move(ok).error();
    return version;
  }
  if (auto ok = check_remote(version.source); !ok) return std::move(ok).error();
  if (scheme == "models" && !names_logged_model) {
    auto known = named_version(*registry_, named);
    if (!known) {
      return std::move(known).error().within(
          fmt::format("Unable to fetch model from model URI source artifact location '{}'. Error",
                      version.source));
    }
    version.storage_location = known->download_uri();
    if (version.run_id.empty()) version.run_id = std::move(known->run_id);
  }
  return version;
}

std::string with_model_version(std::string_view tag, std::string_view name, std::int64_t version) {
  std::set<NamedVersion> seen;
  core::JsonArray list;
  const auto add = [&](NamedVersion named) {
    if (seen.insert(named).second) list.push_back(core::Json(entry_of(std::move(named))));
  };
  const auto given = core::parse_json(tag);
  if (given && given->is_array()) {
    for (const core::Json& entry : given->get_array()) {
      if (auto named = named_in(entry)) add(*std::move(named));
    }
  }
  add({std::string(name), std::to_string(version)});
  return core::to_text(list);
}

std::string without_repeated_versions(std::string_view tag) {
  const auto given = core::parse_json(tag);
  if (!given || !given->is_array()) return std::string(tag);
  std::set<NamedVersion> seen;
  core::JsonArray list;
  for (const core::Json& entry : given->get_array()) {
    auto named = named_in(entry);
    if (!named) return std::string(tag);
    if (seen.insert(*named).second) list.push_back(core::Json(entry_of(*std::move(named))));
  }
  if (list.size() == given->get_array().size()) return std::string(tag);
  return core::to_text(list);
}

}  // namespace tenure::tracking
