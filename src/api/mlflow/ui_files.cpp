#include "api/mlflow/ui_files.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/file.h"

namespace tenure::api::mlflow {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".gif", "image/gif"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".woff", "font/woff"},
    {".woff2", "font/woff2"},
    {".ttf", "font/ttf"},
    {".wasm", "application/wasm"},
}};

std::string_view content_type(std::string_view path) {
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

/// Whether no segment is empty, "." or ".." or holds what file systems take for something else.
bool is_plain(std::string_view path) {
  if (path.find('\0') != std::string_view::npos || path.find('\\') != std::string_view::npos)
    return false;
  while (true) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (end == path.size()) return true;
    path.remove_prefix(end + 1);
  }
}

bool is_below(const fs::path& file, const fs::path& folder) {
  const auto [rest, at] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return rest == folder.end() && at != file.end();
}

void add_page_headers(net::Response& response, std::string_view cache) {
  response.add_header("Cache-Control", cache);
  response.add_header("X-Content-Type-Options", "nosniff");
  response.add_header("X-Frame-Options", "SAMEORIGIN");
}

}  // namespace

core::Result<std::string> UiFiles::read(std::string_view path) const {
  const core::Error missing{core::ErrorCode::kNotFound,
                            fmt::format("MLflow's web page has no file '{}'", path)};
  if (!is_plain(path)) return missing;
  std::error_code error;
  const fs::path folder = fs::canonical(folder_, error);
  if (error) return missing;
  const fs::path file = fs::canonical(folder / path, error);
  if (error || !is_below(file, folder) || !fs::is_regular_file(file, error)) return missing;
  return core::read_file(file);
}

void UiFiles::answer_index(net::Response& response) const {
  auto page = read("index.html");
  if (!page) {
    return response.error(404, fmt::format("There is no index.html in '{}', where the build of "
                                           "MLflow's web page should be",
                                           folder_.string()));
  }
  add_page_headers(response, "no-cache");
  response.content_type = content_type("index.html");
  response.body = *std::move(page);
}

void UiFiles::answer_file(std::string_view path, net::Response& response) const {
  const auto decoded = net::percent_decode(path);
  auto file = read(decoded ? std::string_view(*decoded) : path);
  if (!file) {
    const core::ErrorCodeInfo& info = core::error_code_info(file.error().code);
    return response.error(info.http_status, file.error().message);
  }
  constexpr std::string_view kFourWeeks = "public, max-age=2419200";
  add_page_headers(response, kFourWeeks);
  response.content_type = content_type(path);
  response.body = *std::move(file);
}

}  // namespace tenure::api::mlflow
