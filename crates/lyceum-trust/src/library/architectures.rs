//! What the name of a transformers class says about its task.

/// Class name endings, the auto class that loads them, and the task; the first match counts.
const ENDINGS: &[(&str, &str, Option<&str>)] = &[
    ("ForCausalLM", "AutoModelForCausalLM", Some("text-generation")),
    ("LMHeadModel", "AutoModelForCausalLM", Some("text-generation")),
    ("ForMaskedLM", "AutoModelForMaskedLM", Some("fill-mask")),
    ("ForSequenceClassification", "AutoModelForSequenceClassification", Some("text-classification")),
    ("ForTokenClassification", "AutoModelForTokenClassification", Some("token-classification")),
    ("ForTableQuestionAnswering", "AutoModelForTableQuestionAnswering", Some("table-question-answering")),
    ("ForVisualQuestionAnswering", "AutoModelForVisualQuestionAnswering", Some("visual-question-answering")),
    (
        "ForDocumentQuestionAnswering",
        "AutoModelForDocumentQuestionAnswering",
        Some("document-question-answering"),
    ),
    ("ForQuestionAnswering", "AutoModelForQuestionAnswering", Some("question-answering")),
    ("ForMultipleChoice", "AutoModelForMultipleChoice", Some("multiple-choice")),
    ("ForNextSentencePrediction", "AutoModelForNextSentencePrediction", None),
    ("ForPreTraining", "AutoModelForPreTraining", None),
    ("ForSpeechSeq2Seq", "AutoModelForSpeechSeq2Seq", Some("automatic-speech-recognition")),
    ("ForCTC", "AutoModelForCTC", Some("automatic-speech-recognition")),
    ("ForAudioClassification", "AutoModelForAudioClassification", Some("audio-classification")),
    ("ForTextToWaveform", "AutoModelForTextToWaveform", Some("text-to-audio")),
    (
        "ForZeroShotImageClassification",
        "AutoModelForZeroShotImageClassification",
        Some("zero-shot-image-classification"),
    ),
    ("ForVideoClassification", "AutoModelForVideoClassification", Some("video-classification")),
    ("ForImageClassification", "AutoModelForImageClassification", Some("image-classification")),
    ("ForImageSegmentation", "AutoModelForImageSegmentation", Some("image-segmentation")),
    ("ForSemanticSegmentation", "AutoModelForSemanticSegmentation", Some("image-segmentation")),
    ("ForInstanceSegmentation", "AutoModelForInstanceSegmentation", Some("image-segmentation")),
    ("ForUniversalSegmentation", "AutoModelForUniversalSegmentation", Some("image-segmentation")),
    ("ForZeroShotObjectDetection", "AutoModelForZeroShotObjectDetection", Some("zero-shot-object-detection")),
    ("ForObjectDetection", "AutoModelForObjectDetection", Some("object-detection")),
    ("ForDepthEstimation", "AutoModelForDepthEstimation", Some("depth-estimation")),
    ("ForMaskGeneration", "AutoModelForMaskGeneration", Some("mask-generation")),
    ("ForImageToImage", "AutoModelForImageToImage", Some("image-to-image")),
    ("ForMaskedImageModeling", "AutoModelForMaskedImageModeling", None),
];

/// Model types whose `…ForConditionalGeneration` speaks, listens or looks rather than rewrites text.
const CONDITIONAL: &[(&str, &str, &str)] = &[
    ("whisper", "AutoModelForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("speech_to_text", "AutoModelForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("blip", "AutoModelForImageTextToText", "image-to-text"),
    ("vision-encoder-decoder", "AutoModelForImageTextToText", "image-to-text"),
    ("llava", "AutoModelForImageTextToText", "image-text-to-text"),
    ("vl", "AutoModelForImageTextToText", "image-text-to-text"),
    ("vision", "AutoModelForImageTextToText", "image-text-to-text"),
    ("mllama", "AutoModelForImageTextToText", "image-text-to-text"),
    ("llama4", "AutoModelForImageTextToText", "image-text-to-text"),
    ("gemma3", "AutoModelForImageTextToText", "image-text-to-text"),
    ("mistral3", "AutoModelForImageTextToText", "image-text-to-text"),
    ("idefics", "AutoModelForImageTextToText", "image-text-to-text"),
    ("smolvlm", "AutoModelForImageTextToText", "image-text-to-text"),
    ("audio", "AutoModelForSeq2SeqLM", "audio-text-to-text"),
    ("musicgen", "AutoModelForTextToWaveform", "text-to-audio"),
];

/// Returns the auto class and the task of an architecture.
pub(super) fn find(architecture: &str, model_type: &str) -> Option<(&'static str, Option<&'static str>)> {
    if architecture.ends_with("ForConditionalGeneration") || architecture.ends_with("EncoderDecoderModel") {
        let known = CONDITIONAL.iter().find(|(part, ..)| model_type.contains(part));
        return Some(match known {
            Some((_, auto_model, task)) => (auto_model, Some(task)),
            None => ("AutoModelForSeq2SeqLM", Some("text2text-generation")),
        });
    }
    let known = ENDINGS.iter().find(|(ending, ..)| architecture.ends_with(ending));
    if let Some((_, auto_model, task)) = known {
        return Some((auto_model, *task));
    }
    // A bare model without a head gives features.
    architecture.ends_with("Model").then_some(("AutoModel", Some("feature-extraction")))
}
