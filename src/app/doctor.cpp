#include "app/doctor.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/statvfs.h>

#include "app/model_store.h"
#include "app/project.h"
#include "app/version.h"
#include "core/config_value.h"
#include "net/http_server.h"
#include "storage/sql/database.h"
#include "storage/store_url.h"
#include "tracking/experiments.h"

namespace tenure::app {
namespace {

class Report {
 public:
  void ok(std::string_view check, std::string detail) { add(check, "ok", std::move(detail)); }
  void note(std::string_view check, std::string detail) { add(check, "note", std::move(detail)); }
  void failed(std::string_view check, std::string detail) {
    is_healthy_ = false;
    add(check, "failed", std::move(detail));
  }
  /// ok with `detail`, or failed with the error's message.
  template <typename T>
  bool expect(std::string_view check, const core::Result<T>& result, std::string detail) {
    if (result)
      ok(check, std::move(detail));
    else
      failed(check, result.error().message);
    return result.has_value();
  }
  core::JsonObject json() && { return {{"healthy", is_healthy_}, {"checks", std::move(checks_)}}; }

 private:
  void add(std::string_view check, std::string_view state, std::string detail) {
    checks_.push_back(
        core::JsonObject{{"check", check}, {"state", state}, {"detail", std::move(detail)}});
  }
  bool is_healthy_ = true;
  core::JsonArray checks_;
};

bool is_on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::filesystem::path candidate = std::filesystem::path(rest.substr(0, end)) / program;
    if (::access(candidate.c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

void examine_program(Report& report) {
  report.ok("tenure", kVersion);
  auto engine = data::Engine::open();
  if (!engine)
    report.failed("DuckDB", engine.error().message);
  else if (auto version = (*engine)->query_text("SELECT version()"); version)
    report.ok("DuckDB", *version);
  else
    report.failed("DuckDB", version.error().message);
  if (is_on_path("gnuplot"))
    report.ok("gnuplot", "found; runs write plots");
  else
    report.note("gnuplot", "not found; runs write no plots (Debian package gnuplot-nox)");
}

void examine_disk(Report& report, const Project& project) {
  const std::filesystem::path folder = project.config().directory();
  if (::access(folder.c_str(), W_OK) != 0) {
    report.failed("state folder", fmt::format("{} cannot be written", folder.string()));
    return;
  }
  struct statvfs facts {};
  if (::statvfs(folder.c_str(), &facts) != 0) return;
  const double free_gb =
      static_cast<double>(facts.f_bavail) * static_cast<double>(facts.f_frsize) / 1e9;
  const std::string detail =
      fmt::format("{} ({:.1f} GB free)", project.state_folder().string(), free_gb);
  if (free_gb < 0.1)
    report.failed("state folder", detail + "; the disk is nearly full");
  else
    report.ok("state folder", detail);
}

/// Whether an embedded store is there; opening one that is not would make it. What cannot be told
/// counts as there: opening it says what is wrong.
bool is_made(const Project& project, std::string_view key) {
  constexpr std::array<std::string_view, 2> kEmbedded{"lmdb", "file"};
  const auto where = storage::parse_store_url(
      project.config().text(key), project.config().directory().string(), kEmbedded, key);
  if (!where || where->in_memory) return true;
  std::error_code status;
  return std::filesystem::exists(where->path, status) &&
         !(std::filesystem::is_directory(where->path, status) &&
           std::filesystem::is_empty(where->path, status));
}

template <typename Open>
void examine_store(Report& report, const Project& project, std::string_view key, const Open& open) {
  const std::string url = core::without_secrets(project.config().text(key));
  if (is_made(project, key))
    report.expect(key, open(), url);
  else
    report.note(key, url + " is not made yet; the first run makes it");
}

/// Whether a store of objects answers, and lets us in: asks for an object that is not there. A
/// bucket is first spoken to when it is used.
core::Result<> reach(storage::ObjectStore& store) {
  constexpr std::string_view kNoObject = ".tenure-doctor";
  const auto found = store.stat(kNoObject);
  if (found || found.error().code == core::ErrorCode::kNotFound) return {};
  return found.error();
}

core::Result<> open_objects(Project& project) {
  auto store = project.objects();
  if (!store) return std::move(store).error();
  return reach(**store);
}

/// Where clients' artifacts go, when that is not below storage.objects.
void examine_destination(Report& report, Project& project) {
  constexpr std::string_view kKey = "tracking.artifacts_destination";
  const std::string given = project.config().text(kKey);
  if (given.empty()) return;
  if (given.find("://") == std::string::npos || given.starts_with("file:")) {
    const std::filesystem::path folder = project.artifacts_destination();
    std::error_code status;
    if (!std::filesystem::exists(folder, status)) {
      report.note(kKey, folder.string() + " is not made yet; the server makes it");
      return;
    }
    if (!std::filesystem::is_directory(folder, status))
      report.failed(kKey, folder.string() + " is no folder");
    else if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0)
      report.failed(kKey, folder.string() + " cannot be read and written");
    else
      report.ok(kKey, folder.string());
    return;
  }
  auto artifacts = project.artifacts();
  if (!artifacts) {
    report.failed(kKey, artifacts.error().message);
    return;
  }
  report.expect(kKey, reach((*artifacts)->proxied()), core::without_secrets(given) + " answers");
}

/// Whether there is a database with all tables, which may be opened as every command does.
bool examine_database(Report& report, Project& project) {
  constexpr std::string_view kKey = "storage.database";
  const std::string given = project.config().text(kKey);
  const std::string url = core::without_secrets(given);
  {
    const auto database = storage::open_database(given, project.config().directory().string(),
                                                 storage::Access::kRead);
    if (!database && database.error().code == core::ErrorCode::kNotFound) {
      report.note(kKey, url + " is not made yet; the first run makes it");
      return false;
    }
    if (!database) return report.expect(kKey, database, url);
    const auto schema = tracking::inspect_schema(**database);
    if (!schema) return report.expect(kKey, schema, url);
    if (*schema != tracking::SchemaState::kPrepared) {
      report.note(kKey, url + (*schema == tracking::SchemaState::kAbsent
                                   ? " has no tables yet; the first run makes them"
                                   : " lacks tables of this version; the first run adds them"));
      return false;
    }
  }
  return report.expect(kKey, project.database(), url);
}

void examine_project(Report& report, Project& project) {
  examine_disk(report, project);
  const bool has_database = examine_database(report, project);
  examine_store(report, project, "storage.online", [&] { return project.online(); });
  examine_store(report, project, "storage.objects", [&] { return open_objects(project); });
  examine_destination(report, project);
  const auto dataset = project.current_dataset();
  if (dataset)
    report.ok("data", fmt::format("{} rows in the cleaned table", dataset->rows));
  else if (dataset.error().code == core::ErrorCode::kNotFound)
    report.note("data", dataset.error().message);
  else
    report.failed("data", dataset.error().message);
  if (!has_database) return;
  const auto version = find_version(project, project.model_name(), "");
  if (!version) {
    if (version.error().code == core::ErrorCode::kNotFound)
      report.note("model", version.error().message);
    else
      report.failed("model", version.error().message);
    return;
  }
  if (!is_made(project, "storage.objects")) {
    report.failed("model", fmt::format("the package of {} version {} is gone: storage.objects is "
                                       "empty",
                                       version->name, version->version));
    return;
  }
  report.expect("model", open_stored_model(project, *version),
                fmt::format("{} version {} loads", version->name, version->version));
}

void examine_port(Report& report, const Project& project) {
  const core::Config serving = project.config().at("serving");
  net::HttpServerOptions options;
  options.host = serving.text("host");
  options.port = static_cast<std::uint16_t>(serving.integer("port"));
  options.threads = 1;
  core::MetricRegistry metrics;
  const net::Router router({});
  const auto server = net::HttpServer::listen(options, router, metrics, project.clock());
  const std::string address = fmt::format("{}:{}", options.host, options.port);
  if (server)
    report.ok("serving.port", address + " is free");
  else
    report.note("serving.port", server.error().message);
}

}  // namespace

core::JsonObject examine(const core::ConfigSource& source) {
  Report report;
  examine_program(report);
  if (!std::filesystem::exists(source.file)) {
    report.note("project", fmt::format("there is no {} here; make one with `tenure init`",
                                       source.file.string()));
    return std::move(report).json();
  }
  auto project = Project::open(source);
  if (report.expect("configuration", project, std::filesystem::absolute(source.file).string())) {
    examine_project(report, **project);
    examine_port(report, **project);
  }
  return std::move(report).json();
}

}  // namespace tenure::app
