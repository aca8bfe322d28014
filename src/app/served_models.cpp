#include "app/served_models.h"

#include <utility>

#include "app/model_store.h"

namespace tenure::app {

struct ServedModels::Other {
  Other(std::string model, std::string alias, serving::ModelWatcher::Options options,
        const Collaborators& collaborators, const serving::FallbackOptions& fallback)
      : name(model),
        predictor({.clock = collaborators.project.clock(),
                   .metrics = collaborators.metrics,
                   .sink = collaborators.sink,
                   .identity = {.model = name, .variant = {}}},
                  fallback),
        watcher((options.model = std::move(model), options.alias = std::move(alias), options),
                collaborators.registry, predictor,
                [&project = collaborators.project](const tracking::ModelVersion& version) {
                  return make_snapshot(project, version, ServedAs::kBeside);
                }) {}
  std::string name;
  serving::Predictor predictor;
  serving::ModelWatcher watcher;
};

core::Result<std::unique_ptr<ServedModels>> ServedModels::make(Collaborators collaborators) {
  Project& project = collaborators.project;
  const core::Config config = project.config();
  auto shares = serving::TrafficOptions::from_config(config);
  if (!shares) return std::move(shares).error();
  const auto fallback = serving::FallbackOptions::from_config(config);
  const serving::ModelWatcher::Options watch{
      .model = served_model(project),
      .alias = config.text("serving.alias"),
      .poll_interval = config.duration("serving.poll_interval"),
      .warm_up_rows = static_cast<std::size_t>(config.integer("serving.warm_up_rows"))};
  const serving::ModelWatcher::Loader loader = [&project](const tracking::ModelVersion& version) {
    return make_snapshot(project, version);
  };
  std::unique_ptr<ServedModels> models(new ServedModels);
  if (!shares->arms.empty()) {
    models->traffic_ = std::make_unique<serving::Traffic>(
        serving::Traffic::Options{
            .champion = watch, .shares = *std::move(shares), .fallback = fallback},
        serving::Traffic::Collaborators{.clock = project.clock(),
                                        .metrics = collaborators.metrics,
                                        .registry = collaborators.registry,
                                        .sink = collaborators.sink,
                                        .loader = loader,
                                        .outcomes = collaborators.outcomes});
  }
  const serving::Predictor::Collaborators champion =
      models->traffic_ ? models->traffic_->champion_collaborators()
                       : serving::Predictor::Collaborators{.clock = project.clock(),
                                                           .metrics = collaborators.metrics,
                                                           .sink = collaborators.sink};
  models->predictor_ = std::make_unique<serving::Predictor>(champion, fallback);
  if (models->traffic_) models->traffic_->attach(*models->predictor_);
  models->watcher_ = std::make_unique<serving::ModelWatcher>(watch, collaborators.registry,
                                                             *models->predictor_, loader);
  const core::Config others = config.at("serving.models");
  for (const std::string& name : config.names("serving.models")) {
    if (name == watch.model)
      return others.entry(name).error_at("alias", "is the model of serving.model already");
    const std::string alias = others.entry(name).text("alias");
    models->others_.push_back(std::make_unique<Other>(name, alias.empty() ? watch.alias : alias,
                                                      watch, collaborators, fallback));
  }
  return models;
}

ServedModels::~ServedModels() {
  stop();
}

core::Result<bool> ServedModels::check_now() {
  auto is_live = watcher_->check_now();
  if (traffic_) traffic_->check_arms();
  // What stands in the way of the others is in their watchers' status.
  for (const auto& other : others_) static_cast<void>(other->watcher.check_now());
  return is_live;
}

void ServedModels::start() {
  watcher_->start();
  if (traffic_) traffic_->start();
  for (const auto& other : others_) other->watcher.start();
}

void ServedModels::stop() {
  if (watcher_) watcher_->stop();
  if (traffic_) traffic_->stop();
  for (const auto& other : others_) other->watcher.stop();
}

std::vector<api::ServedModel> ServedModels::others() {
  std::vector<api::ServedModel> list;
  for (const auto& other : others_) list.push_back({other->name, other->predictor, other->watcher});
  return list;
}

}  // namespace tenure::app
