export type { Callback, Logs, TrainingContext } from './callbacks/callback.js'
export { type CsvLoggerOptions, csvLogger } from './callbacks/csv-logger.js'
export { type EarlyStoppingOptions, earlyStopping } from './callbacks/early-stopping.js'
export { learningRateScheduler, type Schedule } from './callbacks/learning-rate-scheduler.js'
export { type ModelCheckpointOptions, modelCheckpoint } from './callbacks/model-checkpoint.js'
export { type ProgressBarOptions, progressBar } from './callbacks/progress-bar.js'
export { type ReduceLROnPlateauOptions, reduceLROnPlateau } from './callbacks/reduce-lr-on-plateau.js'
export { type TensorBoardOptions, tensorBoard } from './callbacks/tensor-board.js'
export { terminateOnNaN } from './callbacks/terminate-on-nan.js'
export { type Normalizer, type NormalizerOptions, type NormalizerState, normalizer } from './data/normalizer.js'
export { type PaddedSequences, type PadSequencesOptions, padSequences, type Sequences } from './data/pad.js'
export { readColumns } from './data/readers/read-columns.js'
export { readRows } from './data/readers/read-rows.js'
export type {
  ColumnData,
  ColumnOptions,
  ColumnSource,
  ColumnType,
  DataFormat,
  DataOptions,
  DataRow,
  DataValue,
  RowOptions,
} from './data/readers/types.js'
export { type TextVectorizer, type TextVectorizerOptions, type TextVectorizerState, textVectorizer } from './data/text.js'
export { type TimeseriesWindows, type TimeseriesWindowsOptions, timeseriesWindows } from './data/windows.js'
export type { DeviceMemory, GraphUse } from './device-memory.js'
export { type DeviceComponent, type DeviceReport, diagnose } from './diagnose.js'
export type { DeviceName, EngineOptions, GruAlgorithm, Precision } from './engine-options.js'
export { GrusError, type GrusErrorCode } from './errors.js'
export { type ExportModelOptions, exportModel } from './export-model.js'
export { readNpy, writeNpy } from './files/npy.js'
export { readNpz, type WriteNpzOptions, writeNpz } from './files/npz.js'
export { Gru, type GruForwardOptions, type GruForwardSyncOptions } from './gru.js'
export type { GruClassOptions } from './gru-options.js'
export { type ImportModelOptions, importModel } from './import-model.js'
export type { OnnxExportOptions } from './interop/onnx/export.js'
export type { OnnxImportOptions } from './interop/onnx/import.js'
export type { ModuleMap } from './interop/pytorch/assign.js'
export type { ImportStateDictOptions } from './interop/pytorch/import-state-dict.js'
export type { LoadedStateDict, LoadGruStateDictOptions, LoadStateDictOptions } from './interop/pytorch/load-options.js'
export type { ModelFormat, ReaderOptions } from './interop/readers.js'
export type { ExportFormat, WriterOptions } from './interop/writers.js'
export { activation, bidirectional, dense, dropout, embedding, gru, layerNormalization, masking } from './layers.js'
export type { LibrarySetting } from './library-settings.js'
export { type LoadModelOptions, loadModel } from './load-model.js'
export {
  binaryCrossentropy,
  type CrossentropyOptions,
  categoricalCrossentropy,
  type HuberOptions,
  huber,
  type Loss,
  type LossName,
  meanAbsoluteError,
  meanSquaredError,
  type SmoothedCrossentropyOptions,
  sparseCategoricalCrossentropy,
} from './losses.js'
export {
  type AucOptions,
  accuracy,
  auc,
  binaryAccuracy,
  categoricalAccuracy,
  f1,
  type Metric,
  type MetricName,
  type MetricOptions,
  mae,
  mse,
  precision,
  recall,
  rmse,
  sparseCategoricalAccuracy,
  type ThresholdOptions,
  type TopKOptions,
  topK,
} from './metrics.js'
export {
  type ForwardOptions,
  type MaskOptions,
  type Model,
  type ModelOptions,
  type PredictOptions,
  type PredictSyncOptions,
  type PredictWithStatesOptions,
  sequential,
} from './model.js'
export {
  type AdadeltaOptions,
  type AdagradOptions,
  type AdamaxOptions,
  type AdamOptions,
  adadelta,
  adagrad,
  adam,
  adamax,
  adamW,
  type EpsilonOptions,
  type NadamOptions,
  nadam,
  type Optimizer,
  type OptimizerName,
  type OptimizerOptions,
  type RmspropOptions,
  rmsprop,
  type SgdOptions,
  sgd,
} from './optimizers.js'
export type {
  Activation,
  ActivationName,
  ActivationOptions,
  ActivationSpec,
  BidirectionalOptions,
  BidirectionalSpec,
  DenseOptions,
  DenseSpec,
  DropoutOptions,
  DropoutSpec,
  EmbeddingOptions,
  EmbeddingSpec,
  GruOptions,
  GruSpec,
  Initializer,
  LayerNormalizationOptions,
  LayerNormalizationSpec,
  LayerSpec,
  MaskingOptions,
  MaskingSpec,
  MergeMode,
  Regularizer,
} from './spec/types.js'
export { type DataType, type FloatTensor, type NestedArray, type Tensor, type TensorLike, type TensorOptions, tensor } from './tensor.js'
export { SummaryWriter, type SummaryWriterOptions } from './tensorboard/summary-writer.js'
export { getThreads, setThreads } from './threads.js'
export { Trainer, type TrainerOptions } from './trainer.js'
export type { Dataset, EvaluateOptions, FitOptions, History } from './training/options.js'
