#include "api/open_inference/infer_http.h"

#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "api/deadline.h"
#include "api/open_inference/infer_request.h"
#include "api/open_inference/inference.h"
#include "api/open_inference/inference_statistics.h"
#include "api/open_inference/server_facts.h"
#include "api/predict/predict_answer.h"
#include "api/served_model.h"
#include "core/id.h"

namespace tenure::api {
namespace {

constexpr std::string_view kJsonLength = "Inference-Header-Content-Length";

struct Workspace {
  LiveCache live;
  InferRequest request;
  Inference inference;
};

core::Result<std::optional<std::size_t>> json_length(const net::Request& request) {
  const std::string_view text = request.header(kJsonLength);
  if (text.empty()) return std::optional<std::size_t>();
  std::size_t length = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (status != std::errc() || end != text.data() + text.size())
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("{} should be a number of bytes, not '{}'", kJsonLength, text)};
  return std::optional(length);
}

void append_values(const OutputTensor& tensor, std::string& out) {
  out += ",\"data\":[";
  bool is_first = true;
  const auto separate = [&] {
    if (!is_first) out += ',';
    is_first = false;
  };
  for (const float value : tensor.floats) {
    separate();
    if (std::isnan(value)) {
      out += "null";
    } else {
      append_float(out, value);
    }
  }
  for (const std::int64_t value : tensor.integers) {
    separate();
    out += fmt::to_string(value);
  }
  for (const std::string& text : tensor.texts) {
    separate();
    net::append_json_string(out, text);
  }
  out += ']';
}

void append_tensor(const OutputTensor& tensor, bool is_binary, std::string& out,
                   std::string& binary) {
  out += fmt::format(R"({{"name":"{}","datatype":"{}","shape":[{}])", tensor.name,
                     datatype_name(tensor.datatype), fmt::join(tensor.shape, ","));
  if (is_binary) {
    const std::size_t before = binary.size();
    encode_raw(tensor, binary);
    out += fmt::format(R"(,"parameters":{{"binary_data_size":{}}})", binary.size() - before);
  } else {
    append_values(tensor, out);
  }
  out += '}';
}

void write_answer(const serving::ModelSnapshot& champion, const Workspace& workspace,
                  std::span<const OutputTensor> tensors, net::Response& response) {
  const InferRequest& request = workspace.request;
  const serving::ModelSnapshot& snapshot = workspace.inference.version_of_all(champion);
  std::string& out = response.body;
  out += "{\"model_name\":";
  net::append_json_string(out, snapshot.name);
  out += fmt::format(",\"model_version\":\"{}\"", snapshot.version);
  // KServe's client wants an id; Triton's binary clients know theirs.
  if (!request.id().empty() || !request.has_binary_output()) {
    out += ",\"id\":";
    net::append_json_string(out, request.id().empty() ? core::random_hex_id() : request.id());
  }
  if (const auto variant = workspace.inference.variant_of_all(); !variant.empty())
    out += fmt::format(R"(,"parameters":{{"variant":"{}"}})", variant);
  add_variant_headers(workspace.inference.predictions(), response);
  out += ",\"outputs\":[";
  std::string binary;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (i > 0) out += ',';
    append_tensor(tensors[i], request.is_binary(i), out, binary);
  }
  out += "]}";
  if (!request.has_binary_output()) return;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back(kJsonLength, std::to_string(out.size()));
  out += binary;
}

core::Result<std::size_t> infer(const Services& services, const net::Request& request,
                                Workspace& workspace, InferenceStatistics*& statistics,
                                net::Response& response) {
  auto snapshot = find_model(services, workspace.live, request.path_parameter("model"),
                             request.path_parameter("version"));
  if (!snapshot) return std::move(snapshot).error();
  statistics = snapshot->statistics;
  auto deadline = request_deadline(services.clock, request);
  if (!deadline) return std::move(deadline).error();
  auto length = json_length(request);
  if (!length) return std::move(length).error();
  const auto rows_max = static_cast<std::size_t>(services.rows_max);
  if (auto ok = workspace.request.decode(request.body, *length, elements_max(services, **snapshot),
                                         workspace.inference);
      !ok)
    return std::move(ok).error();
  *deadline = deadline->with(deadline_after(request.began_ns, workspace.inference.timeout));
  if (auto ok = check_deadline(services.clock, *deadline); !ok) return std::move(ok).error();
  auto tensors = workspace.inference.run(*snapshot, rows_max,
                                         {.deadline_ns = deadline->at_ns, .trace = request.trace});
  if (!tensors) return std::move(tensors).error();
  write_answer(**snapshot, workspace, *tensors, response);
  return workspace.inference.row_count();
}

}  // namespace

void answer_inference_error(const core::Error& error, net::Response& response) {
  const int status = error.code == core::ErrorCode::kResourceExhausted
                         ? 413
                         : core::error_code_info(error.code).http_status;
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  response.error(status, error.message);
  response.body = "{\"error\":";
  net::append_json_string(response.body, error.message);
  response.body += '}';
}

void infer(const Services& services, const net::Request& request, net::Response& response) {
  thread_local Workspace workspace;
  const std::int64_t start = services.clock.monotonic_ns();
  InferenceStatistics* statistics = services.inference_statistics.get();  // until one is named
  const auto rows = infer(services, request, workspace, statistics, response);
  statistics->count(rows.has_value(), rows.value_or(0), services.clock.monotonic_ns() - start,
                    services.clock.now());
  if (!rows) answer_inference_error(rows.error(), response);
}

}  // namespace tenure::api
