#include <fmt/format.h>

#include "api/mlflow/artifact_calls.h"
#include "api/mlflow/artifact_transfer.h"
#include "api/mlflow/message.h"

namespace tenure::api::mlflow {
namespace {

constexpr std::string_view kRoot = "mlflow-artifacts:/";

/// Where the path of the request points, below the root of the proxy.
core::Result<tracking::ArtifactPlace> place_of(const MlflowServices& services,
                                               const net::Request& in) {
  return services.artifacts.find(kRoot, in.path_parameter("path"));
}

}  // namespace

void list_proxied(const MlflowServices& services, const net::Request& in, net::Response& out) {
  auto message = Message::read(in);
  if (!message) return answer_error(out, message.error());
  const auto path = message->text("path");
  if (!path) return answer_error(out, path.error());
  const auto place = services.artifacts.find(kRoot, *path);
  if (!place) return answer_error(out, place.error());
  auto json = listing_json(*place, {}, {});
  if (!json) return answer_error(out, json.error());
  out.body = *std::move(json);
}

void get_proxied(const MlflowServices& services, const net::Request& in, net::Response& out) {
  const auto place = place_of(services, in);
  if (!place) return answer_error(out, place.error());
  answer_file(in, out, *place,
              fmt::format("The following failures occurred while downloading one or more artifacts "
                          "from {0}:\n##### File {1} #####\nNo such artifact: '{1}'",
                          kRoot, place->key));
}

SinkResult open_proxied(const MlflowServices& services, const net::Request& in) {
  const auto place = place_of(services, in);
  if (!place) return place.error();
  return open_artifact_sink(*place, in);
}

void put_proxied(const MlflowServices&, const net::Request& in, net::Response& out) {
  const auto sink = ArtifactSink::of(in);
  if (!sink) return answer_error(out, sink.error());
  if (const auto done = (*sink)->commit(); !done) return answer_error(out, done.error());
  answer(out, {});
}

void delete_proxied(const MlflowServices& services, const net::Request& in, net::Response& out) {
  const auto place = place_of(services, in);
  if (!place) return answer_error(out, place.error());
  if (place->key.empty())
    return answer_error(out, core::Error{core::ErrorCode::kInvalidArgument, "Invalid path"});
  if (const auto removed = place->store->remove_tree(place->key); !removed)
    return answer_error(out, removed.error());
  answer(out, {});
}

void get_presigned(const MlflowServices& services, const net::Request& in, net::Response& out) {
  constexpr int kGoodForSeconds = 900;
  const auto place = place_of(services, in);
  if (!place) return answer_error(out, place.error());
  const auto url =
      place->store->presigned_url(storage::ObjectStore::Access::kRead, place->key, kGoodForSeconds);
  if (!url && url.error().code == core::ErrorCode::kUnimplemented) {
    return answer_error(out, core::Error{core::ErrorCode::kUnimplemented,
                                         "Multipart download is not supported for the current "
                                         "artifact repository"});
  }
  if (!url) return answer_error(out, url.error());
  const auto info = place->store->stat(place->key);
  if (!info) return answer_error(out, info.error());
  out.body = "{\"url\":";
  net::append_json_string(out.body, *url);
  out.body += fmt::format(",\"headers\":{{}},\"file_size\":{}}}", info->size);
}

}  // namespace tenure::api::mlflow
