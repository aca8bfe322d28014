#include <algorithm>

#include <fmt/format.h>

#include "api/mlflow/artifact_calls.h"
#include "api/mlflow/artifact_transfer.h"
#include "api/mlflow/message.h"

// URLs of a bucket, by which clients send and load artifacts of runs and logged models past us.
namespace tenure::api::mlflow {
namespace {

using Access = storage::ObjectStore::Access;

// How long a URL is good unless the client says.
constexpr std::int64_t kUploadSeconds = 900;
constexpr std::int64_t kDownloadSeconds = 300;

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

/// Where the artifacts lie of the run, or the logged model, that the client names.
core::Result<std::string> uri_of_owner(const MlflowServices& services, const Message& message) {
  const auto model = message.text("model_id");
  if (!model) return model.error();
  const auto run = model->empty() ? message.required_text("run_id") : message.text("run_id");
  if (!run) return run.error();
  if (model->empty()) return uri_of_run(services, *run);
  if (!run->empty())
    return invalid("Exactly one of 'run_id' and 'model_id' must be specified, not both.");
  const auto found = services.logged_models.get(*model);
  if (!found) return found.error();
  return found->artifact_uri;
}

struct Presigned {
  tracking::ArtifactPlace place;
  std::string url;
};

core::Result<Presigned> presign(const MlflowServices& services, const Message& message,
                                Access access, std::int64_t usual_seconds) {
  const auto path = message.required_text("path");
  if (!path) return path.error();
  if (const auto safe = tracking::safe_artifact_path(*path); !safe) return safe.error();
  const auto seconds = message.integer("expiration");
  if (!seconds) return seconds.error();
  const auto uri = uri_of_owner(services, message);
  if (!uri) return uri.error();
  const bool is_upload = access == Access::kWrite;
  const auto not_in_bucket = [&] {
    return invalid(
        fmt::format("Presigned {} need artifacts that lie in a bucket; these lie at '{}'",
                    is_upload ? "uploads" : "downloads", *uri));
  };
  // What clients send through us they load through us, too.
  if (is_upload && !uri->starts_with("s3:")) return not_in_bucket();
  auto place = services.artifacts.find(*uri, *path);
  if (!place) return std::move(place).error();
  // Cut to what fits an int, so that a number too large is still one.
  auto url = place->store->presigned_url(
      access, place->key,
      static_cast<int>(std::clamp<std::int64_t>(seconds->value_or(usual_seconds), 0, 1 << 30)));
  if (url) return Presigned{*std::move(place), *std::move(url)};
  if (url.error().code == core::ErrorCode::kUnimplemented) return not_in_bucket();
  return std::move(url).error();
}

}  // namespace

void presign_upload(const MlflowServices& services, const net::Request& in, net::Response& out) {
  const auto message = Message::read(in);
  if (!message) return answer_error(out, message.error());
  const auto presigned = presign(services, *message, Access::kWrite, kUploadSeconds);
  if (!presigned) return answer_error(out, presigned.error());
  out.body = "{\"presigned_url\":";
  net::append_json_string(out.body, presigned->url);
  out.body += ",\"headers\":{}}";
}

void presign_download(const MlflowServices& services, const net::Request& in, net::Response& out) {
  const auto message = Message::read(in);
  if (!message) return answer_error(out, message.error());
  const auto presigned = presign(services, *message, Access::kRead, kDownloadSeconds);
  if (!presigned) return answer_error(out, presigned.error());
  const auto info = presigned->place.store->stat(presigned->place.key);
  if (!info) return answer_error(out, info.error());
  out.body = "{\"presigned_url\":";
  net::append_json_string(out.body, presigned->url);
  out.body += fmt::format(",\"headers\":{{}},\"file_size\":{}}}", info->size);
}

}  // namespace tenure::api::mlflow
