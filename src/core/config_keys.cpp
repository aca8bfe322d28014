#include <array>

#include "core/config.h"

namespace tenure::core {
namespace {

using enum ConfigType;

constexpr std::array kKeys = std::to_array<ConfigKey>({
    {"project", kText, "", "", "Name of the project; also the first part of every online key."},

    // Where state lives. Each embedded default is replaced by a URL.
    {"storage.database", kText, "sqlite:///.tenure/tenure.db", "",
     "Metadata: experiments, runs, models, pipeline state. MLflow's own schema."},
    {"storage.online", kText, "lmdb:///.tenure/online", "", "Online feature values."},
    {"storage.objects", kText, "file:///.tenure/objects", "",
     "Artifacts of runs and model packages."},

    // The table that is learnt from.
    {"data.source", kText, "", "", "CSV or Parquet file, relative to tenure.yaml."},
    {"data.format", kText, "auto", "auto|csv|parquet",
     "auto goes by the content, then the file's name."},
    {"data.delimiter", kText, "auto", "",
     "Field separator of a CSV file; auto looks at the first lines."},
    {"data.generate.kind", kText, "none", "none|telco",
     "Makes data.source with the built-in generator when the file does not exist."},
    {"data.generate.rows", kInteger, "7043", "1..100000000", "Customers to generate."},
    {"data.generate.seed", kInteger, "42", ">= 0",
     "Seed of the generator; the same seed gives the same file."},
    {"data.id", kText, "", "", "Column that names a customer; empty numbers the rows."},
    {"data.time", kText, "", "",
     "Column with the time at which a row was known; empty means one snapshot."},
    {"data.label.column", kText, "", "", "Column to predict."},
    {"data.label.positive", kText, "", "", "Its value that counts as the event, such as Yes."},
    {"data.null_markers", kTextList, "'', NA, N/A, NULL, 'null', NaN, nan, None, '?'", "",
     "Texts read as missing, blanks around them ignored."},
    {"data.duplicates", kText, "error", "error|first|last",
     "Rows with the same id (and time): refuse the table, or keep the first or last of them."},
    {"data.bad_values", kText, "error", "error|null",
     "A value that does not fit its column's type: refuse the table, or count it and read it as "
     "missing."},
    {"data.ignore.*", kText, "", "", "A column that is no feature, and why."},
    {"data.columns.*.type", kText, "", "boolean|integer|number|text|timestamp",
     "Type of the column."},
    {"data.columns.*.null_markers", kTextList, "", "",
     "Missing-value texts of this column, in addition."},
    {"data.columns.*.null_value", kAny, "", "",
     "Value that replaces a missing one when the table is cleaned, and in requests for a "
     "prediction."},
    {"data.columns.*.required", kBoolean, "false", "", "A missing value is an error."},
    {"data.split.method", kText, "stratified", "stratified|random|time|group",
     "How test rows are held out: same label rate, plain chance, the latest rows, or whole "
     "groups."},
    {"data.split.test", kNumber, "0.2", "0.01..0.9",
     "Share of the rows held out for the final test."},
    {"data.split.seed", kInteger, "42", ">= 0", "Seed of the split."},
    {"data.split.group", kText, "", "",
     "Column whose equal values must stay together (method: group)."},

    // What is known about whom, and when.
    {"features.entities.*.key", kText, "", "", "Column that identifies the entity."},
    {"features.entities.*.type", kText, "text", "text|integer", "Type of the key."},
    {"features.views.*.entity", kText, "", "", "Entity the view describes."},
    {"features.views.*.source", kText, "data", "",
     "'data' for the project's table, or a Parquet file."},
    {"features.views.*.timestamp", kText, "event_timestamp", "",
     "Column with the time a row holds from."},
    {"features.views.*.created", kText, "", "", "Column that decides between rows of equal time."},
    {"features.views.*.ttl", kDuration, "0s", "",
     "Age at which a value is too old to use; 0s = never."},
    {"features.views.*.features", kTextList, "", "", "Columns served as features."},
    {"features.views.*.rename.*", kText, "", "",
     "Source column of a feature that has another name."},
    {"features.views.*.online", kBoolean, "true", "",
     "Materialize the view into the online store."},
    {"features.services.*.features", kTextList, "", "",
     "What a model reads, in order: view:feature, or view:* for a whole view."},
    {"features.lookback", kDuration, "0s", "",
     "Incremental materialization reads again this far before its last end, for late rows."},

    // What is learnt.
    {"model.name", kText, "", "", "Registered model; default: the project's name."},
    {"model.service", kText, "", "", "Feature service with the model's inputs."},
    {"model.preset", kText, "auto", "auto|light|balanced|deep|stumps",
     "Starting point for the parameters; auto tries all of them inside the training data."},
    {"model.params.*", kAny, "", "",
     "XGBoost parameter that overrides the preset, such as max_depth."},
    {"model.rounds", kInteger, "0", "0..100000", "Boosting rounds at most; 0 takes the preset's."},
    {"model.early_stopping_rounds", kInteger, "50", "0..10000",
     "Stop when the validation log loss has not improved for so many rounds; 0 never stops early."},
    {"model.seed", kInteger, "42", ">= 0", "Seed of training and of the cross-validation folds."},
    {"model.threads", kInteger, "0", "0..1024", "Threads of training; 0 = all cores."},
    {"model.cross_validation.folds", kInteger, "5", "2..50",
     "Stratified folds; fitting happens inside a fold."},
    {"model.transform.impute", kText, "none", "none|median|mean|zero",
     "Missing numbers; none leaves them to the trees, which learn a side for them."},
    {"model.transform.encode", kText, "onehot", "onehot", "How categories become columns."},
    {"model.transform.categories_max", kInteger, "64", "2..65536",
     "Most frequent categories of a column that get a column of their own; the rest share one."},
    {"model.transform.scale", kText, "none", "none|standard",
     "standard: mean 0, deviation 1 on the training rows."},
    {"model.transform.log", kTextList, "", "", "Number columns that enter as ln(1 + x)."},
    {"model.transform.crosses", kTextList, "", "",
     "Products of two columns, 'Contract * tenure': category with category, category or number "
     "with number."},
    {"model.promotion.metric", kText, "log_loss", "auc|average_precision|log_loss|brier",
     "The challenger must beat the champion in this metric, on the same rows."},
    {"model.promotion.min_gain", kNumber, "0", ">= 0", "By at least so much."},
    {"model.promotion.auc_drop_max", kNumber, "0.002", "0..1",
     "And lose no more than this in ROC AUC."},
    {"model.promotion.ece_max", kNumber, "0.1", "0..1",
     "And be calibrated to within this (ECE, 10 bins)."},

    {"model.reasons.*.raises", kText, "", "",
     "Sentence for a reason: what it means that this input raises the probability; {value} stands "
     "for its value."},
    {"model.reasons.*.lowers", kText, "", "",
     "Sentence for a reason: what it means that this input lowers the probability."},

    {"model.card.owner", kText, "", "", "Model card: who answers for the model."},
    {"model.card.intended_use", kText, "", "", "Model card: what it is for."},
    {"model.card.out_of_scope", kText, "", "", "Model card: what it must not be used for."},
    {"model.card.label_definition", kText, "", "",
     "Model card: what counts as the event, within which time."},
    {"model.card.limits", kText, "", "", "Model card: known limits."},
    {"model.card.ethical_considerations", kText, "", "",
     "Model card: who could be harmed, and how that is avoided."},
    {"model.card.licence", kText, "", "", "Model card: licence of the model and its data."},
    {"model.card.sensitive_inputs", kTextList, "", "",
     "Model card: inputs to be named as sensitive."},

    // From score to answer.
    {"decision.threshold", kText, "0.5", "",
     "Probability from which the decision is positive: a number in (0, 1), or 'prior' for the "
     "training rate."},
    {"decision.positive", kText, "churn", "", "Word for the positive decision."},
    {"decision.negative", kText, "stay", "", "Word for the negative decision."},

    {"serving.host", kText, "127.0.0.1", "", "Address to listen on."},
    {"serving.port", kInteger, "8000", "0..65535", "HTTP port; 0 lets the system choose."},
    {"serving.grpc", kBoolean, "true", "", "Answer the Open Inference Protocol over gRPC, too."},
    {"serving.grpc_port", kInteger, "8001", "0..65535",
     "gRPC port; 0 lets the system choose, as it does when serving.port is 0 and this is not set."},
    {"serving.insecure", kBoolean, "false", "",
     "Allow an address other than loopback without authentication."},
    {"serving.threads", kInteger, "0", "0..256", "Event loops; 0 = one per core."},
    {"serving.model", kText, "", "", "Registered model to serve; default: model.name."},
    {"serving.alias", kText, "champion", "",
     "Alias of the version to serve; moving it swaps the model."},
    {"serving.poll_interval", kDuration, "500ms", "",
     "How often the registry is looked at for a moved alias."},
    {"serving.rows_max", kInteger, "10000", "1..1000000", "Rows in one request."},
    {"serving.body_max", kBytes, "64MiB", "", "Size of a request body."},
    {"serving.header_max", kBytes, "16KiB", "", "Size of a request's header."},
    {"serving.connections_max", kInteger, "10000", "1..1000000", "Open connections."},
    {"serving.header_timeout", kDuration, "10s", "",
     "Time for a client to send a request's header."},
    {"serving.body_timeout", kDuration, "30s", "", "Time for a client to send a request's body."},
    {"serving.idle_timeout", kDuration, "75s", "", "Time a kept-alive connection may be silent."},
    {"serving.drain_timeout", kDuration, "10s", "",
     "Time for open requests to finish after SIGTERM."},

    {"monitoring.prediction_log.enabled", kBoolean, "true", "",
     "Keep every prediction as an event."},
    {"monitoring.prediction_log.path", kText, ".tenure/predictions", "",
     "Folder of the event log's segments."},
    {"monitoring.prediction_log.segment_max", kBytes, "64MiB", "",
     "Size at which a new segment starts."},
    {"monitoring.prediction_log.sync_interval", kDuration, "200ms", "",
     "Longest time an event stays in memory only; what was synced survives a power cut."},
    {"monitoring.prediction_log.buffer_events", kInteger, "65536", "64..16777216",
     "Events waiting to be written; beyond it events are dropped, counted and warned about."},

    {"pipelines.*.steps.*.run", kText, "", "", "Step to run: ingest, split, features, train, ..."},
    {"pipelines.*.steps.*.needs", kTextList, "", "",
     "Steps that must have succeeded; default: the step above."},
    {"pipelines.*.steps.*.retries", kInteger, "0", "0..100", "Further attempts after a failure."},
    {"pipelines.*.steps.*.retry_delay", kDuration, "1s", "",
     "Pause before the second attempt; doubles each time."},
    {"pipelines.*.steps.*.with.*", kAny, "", "", "Parameter of the step."},

    {"log.level", kText, "info", "debug|info|warn|error|off", "Least important line to write."},
    {"log.format", kText, "auto", "auto|text|json",
     "auto: text on a terminal, ECS JSON lines otherwise."},
});

}  // namespace

std::span<const ConfigKey> config_keys() {
  return kKeys;
}

}  // namespace tenure::core
