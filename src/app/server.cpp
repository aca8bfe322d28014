#include "app/server.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <malloc.h>
#include <thread>

#include <fmt/format.h>

#include "api/access/error_body.h"
#include "api/mlflow/mlflow_services.h"
#include "api/open_inference/inference_service.h"
#include "api/routes.h"
#include "app/model_store.h"
#include "app/served_models.h"
#include "app/server_access.h"
#include "app/server_options.h"
#include "app/version.h"
#include "core/log.h"
#include "core/metric.h"
#include "monitoring/label_joiner.h"
#include "monitoring/label_store.h"
#include "monitoring/prediction_compactor.h"
#include "monitoring/prediction_log.h"
#include "net/grpc_server.h"
#include "net/http_server.h"
#include "net/router.h"
#include "net/signals.h"
#include "serving/reasons.h"
#include "storage/kv/kv_store.h"

namespace tenure::app {
namespace {

core::Result<std::unique_ptr<monitoring::PredictionLog>> open_prediction_log(
    const Project& project, core::MetricRegistry& metrics) {
  const core::Config section = project.config().at("monitoring.prediction_log");
  const bool is_blocking = section.text("policy") == "block";
  if (!section.boolean("enabled")) {
    if (!is_blocking) return std::unique_ptr<monitoring::PredictionLog>();
    return section.error_at("policy",
                            "is 'block', which promises a record of every answer, but enabled is "
                            "false; enable the log, or say drop");
  }
  return monitoring::PredictionLog::open(
      {.folder = project.config().resolve(section.text("path")),
       .segment_max = static_cast<std::uint64_t>(section.integer("segment_max")),
       .sync_interval = section.duration("sync_interval"),
       .buffer_events = static_cast<std::uint64_t>(section.integer("buffer_events")),
       .policy = is_blocking ? monitoring::LogPolicy::kBlock : monitoring::LogPolicy::kDrop},
      project.clock(), metrics);
}

api::AnswerMemory make_answer_memory(const Project& project, core::MetricRegistry& metrics) {
  const core::Config section = project.config().at("serving.idempotency");
  const std::string folder = project.config().resolve(section.text("path")).string();
  return {[folder] { return storage::open_kv_store("lmdb:///" + folder, "."); },
          project.clock(),
          metrics,
          {.keep = section.duration("keep"),
           .entries_max = static_cast<std::uint64_t>(section.integer("entries_max")),
           .bytes_max = static_cast<std::uint64_t>(section.integer("bytes_max"))}};
}

/// Tidies the log's closed segments in the background.
std::unique_ptr<monitoring::PredictionCompactor> start_compactor(const Project& project,
                                                                 core::MetricRegistry& metrics) {
  const core::Config section = project.config().at("monitoring.prediction_log");
  monitoring::CompactorOptions options;
  options.folder = project.config().resolve(section.text("path"));
  options.has_parquet = section.boolean("parquet");
  options.interval = section.duration("tidy_interval");
  options.retain = section.duration("retain");
  options.retain_bytes = static_cast<std::uint64_t>(section.integer("retain_size"));
  return monitoring::PredictionCompactor::start(std::move(options), project.clock(), metrics);
}

/// Joins labels to the predictions of this server's log.
monitoring::LabelJoinerOptions label_joiner_options(const core::Config& config) {
  const core::Config section = config.at("monitoring.labels");
  monitoring::LabelJoinerOptions options;
  options.folder = config.resolve(config.text("monitoring.prediction_log.path"));
  options.horizon = section.duration("horizon");
  options.mature_after = section.duration("mature_after");
  options.interval = section.duration("join_interval");
  return options;
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
  if (!server) {
    core::Error error = std::move(server).error();
    error.message += "; `serving.grpc: false` switches gRPC off";
    return error;
  }
  return server;
}

/// What MLflow's protocol needs of the project, opened.
core::Result<api::mlflow::MlflowServices> open_tracking(Project& project,
                                                        tracking::Registry& registry,
                                                        const net::TlsFiles& tls) {
  auto database = project.database();
  if (!database) return std::move(database).error();
  auto experiments = project.experiments();
  if (!experiments) return std::move(experiments).error();
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  auto logged_models = project.logged_models();
  if (!logged_models) return std::move(logged_models).error();
  auto artifacts = project.artifacts();
  if (!artifacts) return std::move(artifacts).error();
  const core::Config section = project.config().at("tracking");
  const std::string ui = section.text("ui");
  const char* pattern = std::getenv("MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX");
  return api::mlflow::MlflowServices{
      .clock = project.clock(),
      .database = **database,
      .experiments = **experiments,
      .runs = **runs,
      .logged_models = **logged_models,
      .registry = registry,
      .artifacts = **artifacts,
      .serves_artifacts = section.boolean("serve_artifacts"),
      .is_tls = tls.is_set(),
      .ui_folder = ui.empty() ? ui : project.config().resolve(ui).string(),
      .version_source_pattern = pattern != nullptr ? pattern : ""};
}

}  // namespace

core::Result<> run_server(Project& project,
                          const std::function<void(const ServerFacts&)>& on_ready) {
  // Large buffers are mapped one by one, so that what a large request took goes back to the system
  // when it is done. Otherwise glibc raises this limit by itself and keeps tens of megabytes.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  net::block_stop_signals();
  // A write beyond the limit on file sizes fails, as on a full disk, and ends nothing.
  std::signal(SIGXFSZ, SIG_IGN);
  const core::Config serving_config = project.config().at("serving");
  auto options = http_options(project.config());
  if (!options) return std::move(options).error();
  auto reason_texts = serving::ReasonTexts::from_config(project.config());
  if (!reason_texts) return std::move(reason_texts).error();
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  // Opened before the watcher's thread may ask for them: Project opens backends on one thread only.
  auto online = project.online();
  if (!online) return std::move(online).error();
  (*online)->keep_warm();
  if (auto objects = project.objects(); !objects) return std::move(objects).error();

  core::MetricRegistry metrics;
  auto access = ServerAccess::open(project, metrics);
  if (!access) return std::move(access).error();
  auto log = open_prediction_log(project, metrics);
  if (!log) return std::move(log).error().within("monitoring.prediction_log");
  const auto compactor = *log ? start_compactor(project, metrics) : nullptr;
  auto database = project.database();
  if (!database) return std::move(database).error();
  monitoring::LabelStore labels(**database, project.clock());
  if (auto ready = labels.prepare(); !ready) return std::move(ready).error().within("labels");
  monitoring::LabelJoiner joiner(label_joiner_options(project.config()), labels, project.clock(),
                                 metrics);
  auto models = ServedModels::make({.project = project,
                                    .registry = **registry,
                                    .metrics = metrics,
                                    .sink = log->get(),
                                    .outcomes = *log ? &joiner : nullptr});
  if (!models) return std::move(models).error();

  ServerFacts facts;
  facts.model = served_model(project);
  auto live = (*models)->check_now();
  // Rules and offers that do not fit the model are a mistake in the project file.
  if (!live && live.error().code == core::ErrorCode::kInvalidArgument)
    return std::move(live).error();
  if (!live)
    facts.not_ready = live.error().message;
  else if (!*live)
    facts.not_ready = fmt::format("no version of '{}' has the alias '{}' yet", facts.model,
                                  serving_config.text("alias"));
  if (const auto snapshot = (*models)->predictor().snapshot()) facts.version = snapshot->version;

  auto proxies = trusted_proxies(project.config());
  if (!proxies) return std::move(proxies).error();
  auto mlflow = open_tracking(project, **registry, options->tls);
  if (!mlflow) return std::move(mlflow).error();

  api::AnswerMemory answers = make_answer_memory(project, metrics);
  std::atomic<bool> is_draining{false};
  const bool is_blocking = project.config().text("monitoring.prediction_log.policy") == "block";
  const api::Services services{.clock = project.clock(),
                               .metrics = metrics,
                               .predictor = (*models)->predictor(),
                               .watcher = (*models)->watcher(),
                               .is_draining = is_draining,
                               .project = project.name(),
                               .program_version = kVersion,
                               .rows_max = serving_config.integer("rows_max"),
                               .reason_texts = *std::move(reason_texts),
                               .answers = &answers,
                               .model = facts.model,
                               .guard = &(*access)->guard(),
                               .has_rate_fields = serving_config.boolean("rate_limit.old_fields"),
                               .cors_origins = serving_config.list("cors.origins"),
                               .hosts = allowed_hosts(project.config()),
                               .proxies = *std::move(proxies),
                               .traffic = (*models)->traffic(),
                               .others = (*models)->others(),
                               .answer_gate = is_blocking ? log->get() : nullptr,
                               .mlflow = &*mlflow,
                               .labels = *log ? &labels : nullptr,
                               .prediction_log = log->get()};
  const net::Router router(api::make_routes(services));
  auto server = net::HttpServer::listen(*options, router, metrics, project.clock());
  if (!server) return std::move(server).error();
  api::InferenceService inference(services, &(*server)->live_lane());
  auto grpc_server = start_grpc(serving_config, options->tls, inference);
  if (!grpc_server) return std::move(grpc_server).error();
  (*server)->start();
  (*models)->start();
  if (*log) joiner.start();
  (*access)->start();
  if (*grpc_server) facts.grpc = fmt::format("{}:{}", options->host, (*grpc_server)->port());
  facts.address = fmt::format("{}://{}:{}", options->tls.is_set() ? "https" : "http", options->host,
                              (*server)->port());
  if (on_ready) on_ready(facts);

  const int signal = net::wait_for_stop_signal();
  core::log_info("server", "stopping", {{"signal", static_cast<std::int64_t>(signal)}});
  is_draining.store(true);
  // Load balancers see that /ready says no, and send nobody any more, before connections are
  // refused.
  std::this_thread::sleep_for(std::chrono::microseconds(serving_config.duration("drain_delay")));
  if (*grpc_server) (*grpc_server)->drain();
  (*server)->drain();
  (*access)->stop();
  (*models)->stop();
  joiner.stop();
  if (*log) {
    if (auto flushed = (*log)->flush(); !flushed)
      return std::move(flushed).error().within("monitoring.prediction_log");
  }
  return {};
}

}  // namespace tenure::app
