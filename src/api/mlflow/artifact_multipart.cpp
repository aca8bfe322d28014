#include <charconv>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "api/mlflow/artifact_calls.h"
#include "api/mlflow/artifact_transfer.h"
#include "api/mlflow/message.h"
#include "core/ascii_case.h"
#include "tracking/multipart_upload.h"

namespace tenure::api::mlflow {
namespace {

tracking::MultipartUploads uploads_of(const MlflowServices& services) {
  return {services.artifacts.proxied(), services.clock};
}

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

/// The folder of the URL and the last part of the client's local file name.
core::Result<std::string> target_key(const MlflowServices& services, const net::Request& in,
                                     const Message& message) {
  auto path = message.required_text("path");
  if (!path) return path;
  const std::string name = path->substr(path->find_last_of("/\\") + 1);
  auto folder = services.artifacts.find("mlflow-artifacts:/", in.path_parameter("path"));
  if (!folder) return std::move(folder).error();
  auto safe_name = tracking::safe_artifact_path(name);
  if (!safe_name) return safe_name;
  if (safe_name->empty()) return invalid("Invalid path");
  auto place = services.artifacts.find("mlflow-artifacts:/" + folder->key, *safe_name);
  if (!place) return std::move(place).error();
  return std::move(place->key);
}

/// Scheme and host under which the client reached this server. Parts are sent without the client's
/// credentials, so their URLs are whole ones.
core::Result<std::string> origin_of(const MlflowServices& services, const net::Request& in) {
  const std::string_view host = in.header("Host");
  if (host.empty()) return invalid("The Host header is missing");
  std::string_view scheme = services.is_tls ? "https" : "http";
  const std::string_view forwarded = in.header("X-Forwarded-Proto");
  if (core::equals_ignoring_case(forwarded, "https")) scheme = "https";
  return fmt::format("{}://{}", scheme, host);
}

core::Result<std::int64_t> part_number(const net::Request& in) {
  const std::string_view text = in.path_parameter("part_number");
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size())
    return invalid("The part number must be an integer");
  return number;
}

core::Result<std::vector<tracking::MultipartUploads::Part>> read_parts(const Message& message) {
  auto items = message.objects("parts");
  if (!items) return std::move(items).error();
  std::vector<tracking::MultipartUploads::Part> parts;
  parts.reserve(items->size());
  for (const Message& item : *items) {
    auto number = item.required_integer("part_number");
    if (!number) return std::move(number).error();
    auto etag = item.required_text("etag");
    if (!etag) return std::move(etag).error();
    parts.push_back({*number, *std::move(etag)});
  }
  return parts;
}

/// What every call about an upload names: the artifact it is for, in a message that may say more.
struct UploadCall {
  Message message;
  std::string key;
};

core::Result<UploadCall> read_call(const MlflowServices& services, const net::Request& in) {
  auto message = Message::read(in);
  if (!message) return std::move(message).error();
  auto key = target_key(services, in, *message);
  if (!key) return std::move(key).error();
  return UploadCall{*std::move(message), *std::move(key)};
}

}  // namespace

void create_multipart(const MlflowServices& services, const net::Request& in, net::Response& out) {
  const auto call = read_call(services, in);
  if (!call) return answer_error(out, call.error());
  const auto count = call->message.required_integer("num_parts");
  if (!count) return answer_error(out, count.error());
  const auto origin = origin_of(services, in);
  if (!origin) return answer_error(out, origin.error());
  const auto id = uploads_of(services).begin(call->key, *count);
  if (!id) return answer_error(out, id.error());
  out.body = fmt::format("{{\"upload_id\":\"{}\",\"credentials\":[", *id);
  for (std::int64_t number = 1; number <= *count; ++number) {
    out.body += number == 1 ? "{\"url\":" : ",{\"url\":";
    net::append_json_string(
        out.body, fmt::format("{}/api/2.0/mlflow-artifacts/mpu/part/{}/{}", *origin, *id, number));
    out.body += fmt::format(",\"part_number\":{},\"headers\":{{}}}}", number);
  }
  out.body += "]}";
}

SinkResult open_part(const MlflowServices& services, const net::Request& in) {
  const auto number = part_number(in);
  if (!number) return number.error();
  auto writer = uploads_of(services).open_part(in.path_parameter("upload_id"), *number);
  if (!writer) return std::move(writer).error();
  if (auto taken = announce_size(**writer, in); !taken) return std::move(taken).error();
  return std::unique_ptr<net::BodySink>(std::make_unique<ArtifactSink>(*std::move(writer)));
}

void put_part(const MlflowServices& services, const net::Request& in, net::Response& out) {
  const auto sink = ArtifactSink::of(in);
  if (!sink) return answer_error(out, sink.error());
  const auto number = part_number(in);
  if (!number) return answer_error(out, number.error());
  if (const auto done = (*sink)->commit(); !done) return answer_error(out, done.error());
  const auto etag = uploads_of(services).part_etag(in.path_parameter("upload_id"), *number);
  if (!etag) return answer_error(out, etag.error());
  out.headers.emplace_back("ETag", *etag);
  answer(out, {});
}

void complete_multipart(const MlflowServices& services, const net::Request& in,
                        net::Response& out) {
  const auto call = read_call(services, in);
  if (!call) return answer_error(out, call.error());
  const auto id = call->message.required_text("upload_id");
  if (!id) return answer_error(out, id.error());
  auto parts = read_parts(call->message);
  if (!parts) return answer_error(out, parts.error());
  if (const auto done = uploads_of(services).complete(*id, call->key, *std::move(parts)); !done)
    return answer_error(out, done.error());
  answer(out, {});
}

void abort_multipart(const MlflowServices& services, const net::Request& in, net::Response& out) {
  const auto call = read_call(services, in);
  if (!call) return answer_error(out, call.error());
  const auto id = call->message.required_text("upload_id");
  if (!id) return answer_error(out, id.error());
  if (const auto done = uploads_of(services).abort(*id, call->key); !done)
    return answer_error(out, done.error());
  answer(out, {});
}

}  // namespace tenure::api::mlflow
