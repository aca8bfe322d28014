#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "api/mlflow/artifact_calls.h"
#include "api/mlflow/message.h"
#include "api/mlflow/mlflow_services.h"

namespace tenure::api::mlflow {
namespace {

using net::Method;
using Sink = SinkResult (*)(const MlflowServices&, const net::Request&);

constexpr std::uint64_t kSmallBody = 64 * 1024;
/// 10,000 parts, each with its URL.
constexpr std::uint64_t kPartsBody = std::uint64_t{8} << 20;
/// Who knows the id of an upload may add to it: MLflow's client sends parts without its token.
constexpr net::Role kUploader = net::Role::kAnyone;

/// Files may be large: they take the lane of bulk work, and predictions keep theirs.
constexpr net::Lane kFiles = net::Lane::kBatch;

core::Error proxy_is_off(std::string_view pattern) {
  return core::Error{
      core::ErrorCode::kUnavailable,
      fmt::format("Endpoint: {} disabled due to the mlflow server running without "
                  "`--serve-artifacts`. To enable artifacts server functionality, run `mlflow "
                  "server` with `--serve-artifacts` (here: tracking.serve_artifacts: true)",
                  pattern)};
}

class ArtifactTable {
 public:
  explicit ArtifactTable(const MlflowServices& services) : services_(services) {}

  net::Route& add(Method method, std::string_view path, ArtifactHandler handler, net::Role role,
                  std::string_view summary = {}) {
    routes_.push_back(
        {.method = method,
         .path = path,
         .handler = [&services = services_, handler](
                        const net::Request& in, net::Response& out) { handler(services, in, out); },
         .role = role,
         .is_blocking = true,
         .body_max = kSmallBody,
         .summary = summary});
    return routes_.back();
  }

  /// A row whose body goes to a sink.
  net::Route& add_upload(Method method, std::string_view path, Sink open, ArtifactHandler handler,
                         net::Role role, std::string_view summary = {}) {
    net::Route& route = add(method, path, handler, role, summary);
    route.open_body = [&services = services_, open](const net::Request& in) {
      return open(services, in);
    };
    route.body_error = answer_error;
    route.lane = kFiles;
    return route;
  }

  /// Rows of the proxy, which can be switched off.
  net::Route& proxied(net::Route& route) {
    if (services_.serves_artifacts) return route;
    const std::string_view path = route.path;
    route.open_body = {};
    route.lane = net::Lane::kLive;
    route.handler = [path](const net::Request&, net::Response& out) {
      const core::Error error = proxy_is_off(path);
      out.text(503, error.message);
    };
    return route;
  }

  std::vector<net::Route> take() { return std::move(routes_); }

 private:
  const MlflowServices& services_;
  std::vector<net::Route> routes_;
};

/// The paths of the proxy below one prefix. Text with static lifetime.
struct ProxyPaths {
  std::string_view list, file, create_here, create, part, complete_here, complete, abort_here,
      abort, presigned;
  bool is_listed = false;  ///< in the documentation
};

constexpr std::array<ProxyPaths, 2> kProxyPaths{{
    {"/api/2.0/mlflow-artifacts/artifacts", "/api/2.0/mlflow-artifacts/artifacts/{path*}",
     "/api/2.0/mlflow-artifacts/mpu/create", "/api/2.0/mlflow-artifacts/mpu/create/{path*}",
     "/api/2.0/mlflow-artifacts/mpu/part/{upload_id}/{part_number}",
     "/api/2.0/mlflow-artifacts/mpu/complete", "/api/2.0/mlflow-artifacts/mpu/complete/{path*}",
     "/api/2.0/mlflow-artifacts/mpu/abort", "/api/2.0/mlflow-artifacts/mpu/abort/{path*}",
     "/api/2.0/mlflow-artifacts/presigned/{path*}", true},
    {"/ajax-api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow-artifacts/artifacts/{path*}",
     "/ajax-api/2.0/mlflow-artifacts/mpu/create",
     "/ajax-api/2.0/mlflow-artifacts/mpu/create/{path*}",
     "/ajax-api/2.0/mlflow-artifacts/mpu/part/{upload_id}/{part_number}",
     "/ajax-api/2.0/mlflow-artifacts/mpu/complete",
     "/ajax-api/2.0/mlflow-artifacts/mpu/complete/{path*}",
     "/ajax-api/2.0/mlflow-artifacts/mpu/abort", "/ajax-api/2.0/mlflow-artifacts/mpu/abort/{path*}",
     "/ajax-api/2.0/mlflow-artifacts/presigned/{path*}", false},
}};

void add_proxy(ArtifactTable& table, const ProxyPaths& at) {
  const auto told = [&](std::string_view summary) {
    return at.is_listed ? summary : std::string_view();
  };
  const auto add = [&](Method method, std::string_view path, ArtifactHandler handler,
                       net::Role role, std::string_view summary) -> net::Route& {
    return table.proxied(table.add(method, path, handler, role, told(summary)));
  };
  add(Method::kGet, at.list, list_proxied, kReader, "MLflow artifacts: what lies in a folder");
  add(Method::kGet, at.file, get_proxied, kReader, "MLflow artifacts: a file, whole or in part")
      .lane = kFiles;
  table.proxied(table.add_upload(Method::kPut, at.file, open_proxied, put_proxied, kWriter,
                                 told("MLflow artifacts: store a file of any size")));
  add(Method::kDelete, at.file, delete_proxied, kWriter,
      "MLflow artifacts: remove a file, or a folder with all it holds")
      .lane = kFiles;
  for (const std::string_view path : {at.create_here, at.create}) {
    add(Method::kPost, path, create_multipart, kWriter,
        path == at.create ? "MLflow artifacts: begin an upload in parts" : "");
  }
  table.proxied(table.add_upload(Method::kPut, at.part, open_part, put_part, kUploader,
                                 told("MLflow artifacts: store a part of an upload")));
  for (const std::string_view path : {at.complete_here, at.complete}) {
    net::Route& route =
        add(Method::kPost, path, complete_multipart, kWriter,
            path == at.complete ? "MLflow artifacts: put the parts of an upload together" : "");
    route.body_max = kPartsBody;
    route.lane = kFiles;
  }
  for (const std::string_view path : {at.abort_here, at.abort}) {
    add(Method::kPost, path, abort_multipart, kWriter,
        path == at.abort ? "MLflow artifacts: give up an upload in parts" : "");
  }
  add(Method::kGet, at.presigned, get_presigned, kReader,
      "MLflow artifacts: a URL to download from; only where they lie in a bucket");
}

void add_owned(ArtifactTable& table) {
  table.add(Method::kGet, "/api/2.0/mlflow/artifacts/list", list_run_artifacts, kReader,
            "MLflow: what lies in a folder of a run");
  table.add(Method::kGet, "/ajax-api/2.0/mlflow/artifacts/list", list_run_artifacts, kReader);
  table.add(Method::kPost, "/api/2.0/mlflow/artifacts/presigned-upload-url", presign_upload,
            kWriter, "MLflow: a URL to upload to; only where artifacts lie in a bucket");
  table.add(Method::kPost, "/ajax-api/2.0/mlflow/artifacts/presigned-upload-url", presign_upload,
            kWriter);
  table.add(Method::kPost, "/api/2.0/mlflow/artifacts/presigned-download-url", presign_download,
            kReader, "MLflow: a URL to download from; only where artifacts lie in a bucket");
  table.add(Method::kPost, "/ajax-api/2.0/mlflow/artifacts/presigned-download-url",
            presign_download, kReader);
  table.add(Method::kGet, "/api/2.0/mlflow/logged-models/{model_id}/artifacts/directories",
            list_model_artifacts, kReader, "MLflow: what lies in a folder of a logged model");
  table.add(Method::kGet, "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/directories",
            list_model_artifacts, kReader);
  table
      .add(Method::kGet, "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files",
           get_model_artifact, kReader)
      .lane = kFiles;
  table.add(Method::kGet, "/get-artifact", get_run_artifact, kReader, "MLflow: a file of a run")
      .lane = kFiles;
  table.add(Method::kGet, "/ajax-api/2.0/mlflow/get-artifact", get_run_artifact, kReader).lane =
      kFiles;
  table
      .add(Method::kGet, "/model-versions/get-artifact", get_version_artifact, kReader,
           "MLflow: a file of a model version")
      .lane = kFiles;
  // MLflow's own client asks with two slashes.
  for (const std::string_view path :
       {"//model-versions/get-artifact", "/ajax-api/2.0/mlflow/model-versions/get-artifact"})
    table.add(Method::kGet, path, get_version_artifact, kReader).lane = kFiles;
  table.add_upload(Method::kPost, "/ajax-api/2.0/mlflow/upload-artifact", open_run_artifact,
                   put_run_artifact, kWriter);
}

}  // namespace

std::vector<net::Route> artifact_routes(const MlflowServices& services) {
  ArtifactTable table(services);
  for (const ProxyPaths& paths : kProxyPaths) add_proxy(table, paths);
  add_owned(table);
  return table.take();
}

}  // namespace tenure::api::mlflow
