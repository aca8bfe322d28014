#include "app/server.h"

#include <atomic>
#include <malloc.h>

#include <fmt/format.h>

#include "api/open_inference/inference_service.h"
#include "api/routes.h"
#include "app/model_store.h"
#include "app/server_options.h"
#include "app/version.h"
#include "core/log.h"
#include "core/metric.h"
#include "monitoring/prediction_log.h"
#include "net/grpc_server.h"
#include "net/http_server.h"
#include "net/router.h"
#include "net/signals.h"
#include "serving/model_watcher.h"
#include "serving/predictor.h"
#include "serving/reasons.h"

namespace tenure::app {
namespace {

core::Result<std::unique_ptr<monitoring::PredictionLog>> open_prediction_log(
    const Project& project, core::MetricRegistry& metrics) {
  const core::Config section = project.config().at("monitoring.prediction_log");
  if (!section.boolean("enabled")) return std::unique_ptr<monitoring::PredictionLog>();
  return monitoring::PredictionLog::open(
      {.folder = project.config().resolve(section.text("path")),
       .segment_max = static_cast<std::uint64_t>(section.integer("segment_max")),
       .sync_interval = section.duration("sync_interval"),
       .buffer_events = static_cast<std::uint64_t>(section.integer("buffer_events"))},
      project.clock(), metrics);
}

/// Begins to answer gRPC, unless it is switched off.
core::Result<std::unique_ptr<net::GrpcServer>> start_grpc(const core::Config& serving,
                                                          const net::TlsFiles& tls,
                                                          api::InferenceService& inference) {
  if (!serving.boolean("grpc")) return std::unique_ptr<net::GrpcServer>();
  net::GrpcServerOptions options;
  options.host = serving.text("host");
  const bool is_chosen = serving.integer("port") == 0 && !serving.is_set("grpc_port");
  options.port =
      is_chosen ? std::uint16_t{0} : static_cast<std::uint16_t>(serving.integer("grpc_port"));
  options.message_max = static_cast<std::uint64_t>(serving.integer("body_max"));
  options.drain_timeout = serving.duration("drain_timeout");
  options.tls = tls;
  grpc::Service* const services[] = {&inference.service()};
  auto server = net::GrpcServer::start(options, services);
  if (!server)
    return serving.error_at(
        "grpc_port", server.error().message + "; choose another port, or set serving.grpc: false");
  return server;
}

}  // namespace

core::Result<> run_server(Project& project,
                          const std::function<void(const ServerFacts&)>& on_ready) {
  // Large buffers are mapped one by one, so that what a large request took goes back to the system
  // when it is done. Otherwise glibc raises this limit by itself and keeps tens of megabytes.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  net::block_stop_signals();
  const core::Config serving_config = project.config().at("serving");
  auto options = http_options(project.config());
  if (!options) return std::move(options).error();
  auto reason_texts = serving::ReasonTexts::from_config(project.config());
  if (!reason_texts) return std::move(reason_texts).error();
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  // Opened before the watcher's thread may ask for them: Project opens backends on one thread only.
  if (auto online = project.online(); !online) return std::move(online).error();
  if (auto objects = project.objects(); !objects) return std::move(objects).error();

  core::MetricRegistry metrics;
  auto log = open_prediction_log(project, metrics);
  if (!log) return std::move(log).error().within("monitoring.prediction_log");
  serving::Predictor predictor({project.clock(), metrics, log->get()},
                               serving::FallbackOptions::from_config(project.config()));
  serving::ModelWatcher watcher({.model = served_model(project),
                                 .alias = serving_config.text("alias"),
                                 .poll_interval = serving_config.duration("poll_interval")},
                                **registry, predictor,
                                [&project](const tracking::ModelVersion& version) {
                                  return make_snapshot(project, version);
                                });

  ServerFacts facts;
  facts.model = served_model(project);
  auto live = watcher.check_now();
  // Rules and offers that do not fit the model are a mistake in the project file.
  if (!live && live.error().code == core::ErrorCode::kInvalidArgument)
    return std::move(live).error();
  if (!live)
    facts.not_ready = live.error().message;
  else if (!*live)
    facts.not_ready = fmt::format("no version of '{}' has the alias '{}' yet", facts.model,
                                  serving_config.text("alias"));
  if (const auto snapshot = predictor.snapshot()) facts.version = snapshot->version;

  std::atomic<bool> is_draining{false};
  const api::Services services{.clock = project.clock(),
                               .metrics = metrics,
                               .predictor = predictor,
                               .watcher = watcher,
                               .is_draining = is_draining,
                               .project = project.name(),
                               .program_version = kVersion,
                               .rows_max = serving_config.integer("rows_max"),
                               .reason_texts = *std::move(reason_texts),
                               .model = facts.model};
  const net::Router router(api::make_routes(services));
  auto server = net::HttpServer::listen(*options, router, metrics, project.clock());
  if (!server) return std::move(server).error();
  api::InferenceService inference(services);
  auto grpc_server = start_grpc(serving_config, options->tls, inference);
  if (!grpc_server) return std::move(grpc_server).error();
  (*server)->start();
  watcher.start();
  if (*grpc_server) facts.grpc = fmt::format("{}:{}", options->host, (*grpc_server)->port());
  facts.address = fmt::format("{}://{}:{}", options->tls.is_set() ? "https" : "http", options->host,
                              (*server)->port());
  if (on_ready) on_ready(facts);

  const int signal = net::wait_for_stop_signal();
  core::log_info("server", "stopping", {{"signal", static_cast<std::int64_t>(signal)}});
  is_draining.store(true);
  watcher.stop();
  if (*grpc_server) (*grpc_server)->drain();
  (*server)->drain();
  if (*log) {
    if (auto flushed = (*log)->flush(); !flushed)
      return std::move(flushed).error().within("monitoring.prediction_log");
  }
  return {};
}

}  // namespace tenure::app
