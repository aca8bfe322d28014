#pragma once

#include <memory>

#include "api/mlflow/mlflow_services.h"
#include "core/result.h"
#include "net/body_stream.h"
#include "net/http_message.h"

// What the rows of artifact_routes.cpp call. Handlers answer errors in MLflow's way.
namespace tenure::api::mlflow {

using ArtifactHandler = void (*)(const MlflowServices&, const net::Request&, net::Response&);
using SinkResult = core::Result<std::unique_ptr<net::BodySink>>;

// The proxy (artifact_proxy.cpp): paths below the root of the store that the server keeps.
void list_proxied(const MlflowServices&, const net::Request& in, net::Response& out);
void get_proxied(const MlflowServices&, const net::Request& in, net::Response& out);
SinkResult open_proxied(const MlflowServices&, const net::Request& in);
void put_proxied(const MlflowServices&, const net::Request& in, net::Response& out);
void delete_proxied(const MlflowServices&, const net::Request& in, net::Response& out);
void get_presigned(const MlflowServices&, const net::Request& in, net::Response& out);

// Uploads in parts (artifact_multipart.cpp).
void create_multipart(const MlflowServices&, const net::Request& in, net::Response& out);
SinkResult open_part(const MlflowServices&, const net::Request& in);
void put_part(const MlflowServices&, const net::Request& in, net::Response& out);
void complete_multipart(const MlflowServices&, const net::Request& in, net::Response& out);
void abort_multipart(const MlflowServices&, const net::Request& in, net::Response& out);

// Artifacts of a run, a logged model or a model version (owned_artifacts.cpp).
void list_run_artifacts(const MlflowServices&, const net::Request& in, net::Response& out);
void get_run_artifact(const MlflowServices&, const net::Request& in, net::Response& out);
SinkResult open_run_artifact(const MlflowServices&, const net::Request& in);
void put_run_artifact(const MlflowServices&, const net::Request& in, net::Response& out);
void presign_upload(const MlflowServices&, const net::Request& in, net::Response& out);
void presign_download(const MlflowServices&, const net::Request& in, net::Response& out);
void list_model_artifacts(const MlflowServices&, const net::Request& in, net::Response& out);
void get_model_artifact(const MlflowServices&, const net::Request& in, net::Response& out);
void get_version_artifact(const MlflowServices&, const net::Request& in, net::Response& out);

}  // namespace tenure::api::mlflow
