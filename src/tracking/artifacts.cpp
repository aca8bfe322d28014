#include "tracking/artifacts.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "core/percent.h"
#include "storage/objects/local_object_store.h"

namespace tenure::tracking {
namespace {

namespace fs = std::filesystem;

/// What comes before the artifact's path in URLs of the proxy, ours or another server's.
constexpr std::string_view kProxyAnchor = "/mlflow-artifacts/artifacts";

struct Uri {
  std::string_view scheme;  ///< "" for a plain path
  std::string_view host;    ///< with its port
  std::string_view path;    ///< with its leading '/', if any; without query and fragment
};

bool is_scheme(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '.';
  });
}

Uri parse_uri(std::string_view text) {
  Uri uri;
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && is_scheme(text.substr(0, colon))) {
    uri.scheme = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (!uri.scheme.empty()) {
    if (text.starts_with("//")) {
      text.remove_prefix(2);
      const std::size_t end = std::min(text.find_first_of("/?"), text.size());
      uri.host = text.substr(0, end);
      text.remove_prefix(end);
    }
    text = text.substr(0, text.find('?'));
  }
  uri.path = text;
  return uri;
}

std::string_view without_slashes(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

/// The part of a proxy's URL that is the artifact's path; nothing for another URL.
std::optional<std::string_view> proxied_path(std::string_view path) {
  const std::size_t anchor = path.find(kProxyAnchor);
  if (anchor == std::string_view::npos) return std::nullopt;
  const std::string_view rest = path.substr(anchor + kProxyAnchor.size());
  if (!rest.empty() && rest.front() != '/') return std::nullopt;
  return rest;
}

core::Error unknown_scheme(std::string_view uri) {
  return core::Error{
      core::ErrorCode::kUnimplemented,
      fmt::format("artifacts at '{}' cannot be opened; expected mlflow-artifacts:/path, a URL of "
                  "this server's artifact proxy, s3://bucket/path, or a local path below its "
                  "artifact folders",
                  uri)};
}

/// Where a local URI really lies: no "..", no symbolic links. Nothing when that cannot be told.
std::optional<fs::path> real_path(const fs::path& path) {
  std::error_code status;
  fs::path real = fs::weakly_canonical(path, status);
  if (status) return std::nullopt;
  if (real.has_relative_path() && real.filename().empty()) real = real.parent_path();
  return real;
}

/// The path of `uri` below `root`, "" for the root itself; nothing when it lies elsewhere.
std::optional<std::string> below(const fs::path& path, const fs::path& root) {
  const auto [end_of_root, rest] =
      std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  if (end_of_root != root.end()) return std::nullopt;
  fs::path key;
  for (auto segment = rest; segment != path.end(); ++segment) key /= *segment;
  return key.generic_string();
}

/// "file:///a%20b" and "/a b" are the folder "/a b". Nothing for what is not local.
std::optional<std::string> local_path(std::string_view text) {
  const Uri uri = parse_uri(text);
  if (uri.scheme.empty()) return std::string(uri.path);
  if (uri.scheme != "file" || (!uri.host.empty() && uri.host != "localhost")) return std::nullopt;
  return core::percent_decoded(uri.path);
}

core::Error outside(std::string_view uri) {
  return core::Error{core::ErrorCode::kPermissionDenied,
                     fmt::format("artifacts at '{}' lie outside the folders and buckets that this "
                                 "server may open (tracking.artifact_roots)",
                                 uri)};
}

}  // namespace

ArtifactLocator::ArtifactLocator(storage::ObjectStore& proxied, std::vector<std::string> roots)
    : proxied_(&proxied), roots_(std::move(roots)) {}

ArtifactLocator::~ArtifactLocator() = default;

core::Result<ArtifactPlace> ArtifactLocator::find(std::string_view text) {
  const Uri uri = parse_uri(text);
  std::optional<std::string_view> proxied;
  if (uri.scheme == "mlflow-artifacts") proxied = uri.path;
  if (uri.scheme == "http" || uri.scheme == "https") proxied = proxied_path(uri.path);
  if (proxied) {
    auto key = safe_artifact_path(without_slashes(*proxied));
    if (!key) return std::move(key).error();
    return place_in_proxied(*std::move(key));
  }
  if (const auto path = local_path(text)) return find_local(text, *path);
  if (uri.scheme != "s3" || uri.host.empty()) return unknown_scheme(text);
  auto key = safe_artifact_path(without_slashes(uri.path));
  if (!key) return std::move(key).error();
  if (!is_open(uri.host, *key)) return outside(text);
  auto store = store_at(bucket_url(uri.host));
  if (!store) return std::move(store).error();
  return ArtifactPlace{*store, *std::move(key)};
}

bool ArtifactLocator::is_open(std::string_view bucket, std::string_view key) const {
  return std::ranges::any_of(roots_, [&](const std::string& root) {
    const Uri known = parse_uri(root);
    if (known.scheme != "s3" || known.host != bucket) return false;
    const std::string_view prefix = without_slashes(known.path);
    return prefix.empty() || key == prefix ||
           (key.starts_with(prefix) && key.substr(prefix.size()).starts_with('/'));
  });
}

std::string ArtifactLocator::bucket_url(std::string_view bucket) const {
  // Where a bucket is reached is for the configuration to say, never for an experiment's URI: that
  // comes from clients.
  std::string_view query;
  for (const std::string& root : roots_) {
    const Uri known = parse_uri(root);
    if (known.scheme != "s3" || known.host != bucket || !query.empty()) continue;
    query = std::string_view(root).substr(std::min(root.find('?'), root.size()));
  }
  return fmt::format("s3://{}{}", bucket, query);
}

core::Result<ArtifactPlace> ArtifactLocator::find(std::string_view uri, std::string_view path) {
  // The path first: a bad one is told as such, whatever the URI.
  auto below_it = safe_artifact_path(path);
  if (!below_it) return std::move(below_it).error();
  auto place = find(uri);
  if (!place || below_it->empty()) return place;
  place->key += place->key.empty() ? *below_it : "/" + *below_it;
  if (place->store == proxied_) return place_in_proxied(std::move(place->key));
  return place;
}

core::Result<ArtifactPlace> ArtifactLocator::place_in_proxied(std::string key) const {
  if (key.starts_with(kReservedFolders))
    return core::Error{core::ErrorCode::kInvalidArgument, "Invalid path"};
  return ArtifactPlace{proxied_, std::move(key)};
}

core::Result<ArtifactPlace> ArtifactLocator::find_local(std::string_view uri,
                                                        const std::string& path) {
  if (path.find('\0') != std::string::npos)
    return core::Error{core::ErrorCode::kInvalidArgument, "Invalid path"};
  if (!path.starts_with('/')) return outside(uri);
  const auto real = real_path(path);
  if (!real) return outside(uri);
  if (const auto folder = local_path(proxied_->uri("")); folder && folder->starts_with('/')) {
    if (auto key = below(*real, *folder)) return place_in_proxied(*std::move(key));
  }
  for (const std::string& text : roots_) {
    const auto folder = local_path(text);
    const auto root = folder ? real_path(*folder) : std::nullopt;
    if (!root) continue;
    auto key = below(*real, *root);
    if (!key) continue;
    auto store = store_at(root->string());
    if (!store) return std::move(store).error();
    return ArtifactPlace{*store, *std::move(key)};
  }
  return outside(uri);
}

core::Result<storage::ObjectStore*> ArtifactLocator::store_at(const std::string& url) {
  const std::lock_guard lock(mutex_);
  const auto known = buckets_.find(url);
  if (known != buckets_.end()) return known->second.get();
  auto opened = url.starts_with('/') ? storage::open_local_object_store(url)
                                     : storage::open_object_store(url, "");
  if (!opened) return std::move(opened).error();
  return buckets_.emplace(url, *std::move(opened)).first->second.get();
}

}  // namespace tenure::tracking
