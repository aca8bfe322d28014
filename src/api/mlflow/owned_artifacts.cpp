#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "api/mlflow/artifact_calls.h"
#include "api/mlflow/artifact_transfer.h"
#include "api/mlflow/message.h"

namespace tenure::api::mlflow {
namespace {

constexpr std::uint64_t kUploadMax = std::uint64_t{10} << 20;
constexpr std::string_view kTooLarge = "Artifact size is too large. Max size is 10MB.";

core::Error invalid(std::string_view message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::string(message)};
}

std::string no_such_artifact(std::string_view path) {
  return fmt::format("No such artifact: '{}'", path);
}

/// The text of a query's field, under its name or its old one; "" without either.
std::string query_text(const net::Request& in, std::string_view name, std::string_view old_name) {
  auto value = in.query_parameter(name);
  if (!value || value->empty()) value = in.query_parameter(old_name);
  return value ? *std::move(value) : std::string();
}

/// Answers what lies in a folder of `uri`; `path` as the client sent it.
void answer_listing(const MlflowServices& services, std::string_view uri, std::string_view path,
                    net::Response& out) {
  const auto folder = tracking::safe_artifact_path(path);
  if (!folder) return answer_error(out, folder.error());
  const auto place = services.artifacts.find(uri, *folder);
  if (!place) return answer_error(out, place.error());
  auto json = listing_json(*place, *folder, uri);
  if (!json) return answer_error(out, json.error());
  out.body = *std::move(json);
}

void answer_artifact(const MlflowServices& services, std::string_view uri, std::string_view path,
                     const net::Request& in, net::Response& out) {
  const auto place = services.artifacts.find(uri, path);
  if (!place) return answer_error(out, place.error());
  answer_file(in, out, *place, no_such_artifact(path));
}

/// Where a run's artifacts are, and which of them a request means.
struct RunPath {
  std::string uri;
  std::string path;  ///< as the client sent it, and safe
};

/// `read_text`: how Message reads the path, which some calls need and others do not.
core::Result<RunPath> read_run_path(
    const MlflowServices& services, const net::Request& in,
    core::Result<std::string> (Message::*read_text)(std::string_view) const) {
  const auto message = Message::read(in);
  if (!message) return message.error();
  auto path = ((*message).*read_text)("path");
  if (!path) return std::move(path).error();
  // A bad path is told first, whatever the run.
  if (auto safe = tracking::safe_artifact_path(*path); !safe) return std::move(safe).error();
  const auto run = message->required_run_id();
  if (!run) return run.error();
  auto uri = uri_of_run(services, *run);
  if (!uri) return std::move(uri).error();
  return RunPath{*std::move(uri), *std::move(path)};
}

}  // namespace

// The run itself may hold thousands of metrics; they stay there.
core::Result<std::string> uri_of_run(const MlflowServices& services, const std::string& id) {
  auto rows = services.database.query("SELECT artifact_uri FROM runs WHERE run_uuid = :id", {id});
  if (!rows) return std::move(rows).error();
  if (!rows->empty()) return rows->front().text_or(0, "");
  return core::Error{core::ErrorCode::kNotFound, fmt::format("Run with id={} not found", id)};
}

void list_run_artifacts(const MlflowServices& services, const net::Request& in,
                        net::Response& out) {
  const auto wanted = read_run_path(services, in, &Message::text);
  if (!wanted) return answer_error(out, wanted.error());
  answer_listing(services, wanted->uri, wanted->path, out);
}

void get_run_artifact(const MlflowServices& services, const net::Request& in, net::Response& out) {
  const auto wanted = read_run_path(services, in, &Message::required_text);
  if (!wanted) return answer_error(out, wanted.error());
  answer_artifact(services, wanted->uri, wanted->path, in, out);
}

SinkResult open_run_artifact(const MlflowServices& services, const net::Request& in) {
  const std::string run = query_text(in, "run_uuid", "run_id");
  if (run.empty()) return invalid("Request must specify run_uuid.");
  const std::string path = query_text(in, "path", "path");
  if (path.empty()) return invalid("Request must specify path.");
  const std::string_view announced = in.header("Content-Length");
  std::uint64_t length = 0;
  const auto parsed =
      std::from_chars(announced.data(), announced.data() + announced.size(), length);
  if (parsed.ec == std::errc::result_out_of_range || length > kUploadMax) return invalid(kTooLarge);
  if (auto safe = tracking::safe_artifact_path(path); !safe) return std::move(safe).error();
  const auto uri = uri_of_run(services, run);
  if (!uri) return uri.error();
  const auto place = services.artifacts.find(*uri, path);
  if (!place) return place.error();
  auto writer = place->store->create(place->key);
  if (!writer) return std::move(writer).error();
  return std::unique_ptr<net::BodySink>(
      std::make_unique<ArtifactSink>(*std::move(writer), kUploadMax, kTooLarge));
}

void put_run_artifact(const MlflowServices&, const net::Request& in, net::Response& out) {
  const auto sink = ArtifactSink::of(in);
  if (!sink) return answer_error(out, sink.error());
  if ((*sink)->size() == 0) return answer_error(out, invalid("Request must specify data."));
  if (const auto done = (*sink)->commit(); !done) return answer_error(out, done.error());
  out.status = 200;
}

void list_model_artifacts(const MlflowServices& services, const net::Request& in,
                          net::Response& out) {
  const auto message = Message::read(in);
  if (!message) return answer_error(out, message.error());
  const auto path = message->text("artifact_directory_path");
  if (!path) return answer_error(out, path.error());
  if (const auto safe = tracking::safe_artifact_path(*path); !safe)
    return answer_error(out, safe.error());
  const auto model = services.logged_models.get(in.path_parameter("model_id"));
  if (!model) return answer_error(out, model.error());
  answer_listing(services, model->artifact_uri, *path, out);
}

void get_model_artifact(const MlflowServices& services, const net::Request& in,
                        net::Response& out) {
  const auto path = in.query_parameter("artifact_file_path");
  if (!path || path->empty()) {
    return answer_error(
        out, invalid("Request must include the \"artifact_file_path\" query parameter."));
  }
  if (const auto safe = tracking::safe_artifact_path(*path); !safe)
    return answer_error(out, safe.error());
  const auto model = services.logged_models.get(in.path_parameter("model_id"));
  if (!model) return answer_error(out, model.error());
  answer_artifact(services, model->artifact_uri, *path, in, out);
}

void get_version_artifact(const MlflowServices& services, const net::Request& in,
                          net::Response& out) {
  const auto message = Message::read(in);
  if (!message) return answer_error(out, message.error());
  const auto path = message->required_text("path");
  if (!path) return answer_error(out, path.error());
  if (const auto safe = tracking::safe_artifact_path(*path); !safe)
    return answer_error(out, safe.error());
  const auto name = message->required_text("name");
  if (!name) return answer_error(out, name.error());
  const auto number = message->required_text("version");
  if (!number) return answer_error(out, number.error());
  std::int64_t version = 0;
  const auto [end, status] =
      std::from_chars(number->data(), number->data() + number->size(), version);
  if (status != std::errc() || end != number->data() + number->size()) {
    return answer_error(
        out, invalid(fmt::format("Parameter 'version' must be an integer, got '{}'.", *number)));
  }
  const auto found = services.registry.get_version(*name, version);
  if (!found) return answer_error(out, found.error());
  answer_artifact(services, found->download_uri(), *path, in, out);
}

}  // namespace tenure::api::mlflow
