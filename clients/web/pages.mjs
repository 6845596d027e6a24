// Every page, with who looks at it; `null` is somebody who is not signed in.
export const PAGES = [
  ["home", "/", null],
  ["login", "/login", null],
  ["models", "/models", null],
  ["datasets", "/datasets", null],
  ["spaces", "/spaces", null],
  ["buckets", "/buckets", null],
  ["organisation", "/lab", null],
  ["user", "/bob", null],
  ["model", "/lab/tiny", null],
  ["model-signed-in", "/lab/tiny", "bob"],
  ["dataset", "/datasets/lab/letters", null],
  ["space", "/spaces/lab/reader", null],
  ["gate", "/lab/closed", "bob"],
  ["files", "/lab/tiny/tree/main", null],
  ["folder", "/lab/tiny/tree/main/src", null],
  ["text", "/lab/tiny/blob/main/src/train.py", null],
  ["weights", "/lab/tiny/blob/main/model.safetensors", null],
  ["picture", "/lab/tiny/blob/main/loss.svg", null],
  ["history", "/lab/tiny/commits/main", null],
  ["commit", "/lab/tiny/commit/main", null],
  ["discussions", "/lab/tiny/discussions", null],
  ["discussion", "/lab/tiny/discussions/1", "bob"],
  ["pull-request", "/lab/tiny/discussions/2", "ada"],
  ["missing", "/lab/nothing", null],
];

/** Those that are measured with Lighthouse. */
export const MEASURED = ["home", "models", "model", "files", "pull-request", "discussion"];
