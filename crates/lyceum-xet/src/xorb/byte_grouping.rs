//! Regroups bytes by their position modulo 4, which puts the exponents of floats side by side.

/// Writes the bytes of `data` at positions 0, 4, 8, … to `planes`, then those at 1, 5, 9, … and so on.
pub(crate) fn split(data: &[u8], planes: &mut [u8]) {
    let [p0, p1, p2, p3] = cut(planes);
    let (words, rest) = data.as_chunks::<4>();
    for ((((word, b0), b1), b2), b3) in words.iter().zip(&mut *p0).zip(&mut *p1).zip(&mut *p2).zip(&mut *p3) {
        [*b0, *b1, *b2, *b3] = *word;
    }
    for (byte, plane) in rest.iter().zip([p0, p1, p2]) {
        plane[words.len()] = *byte;
    }
}

/// Reverts [`split`].
pub(crate) fn join(planes: &mut [u8], data: &mut [u8]) {
    let [p0, p1, p2, p3] = cut(planes);
    let (words, rest) = data.as_chunks_mut::<4>();
    let full = words.len();
    for ((((word, b0), b1), b2), b3) in words.iter_mut().zip(&*p0).zip(&*p1).zip(&*p2).zip(&*p3) {
        *word = [*b0, *b1, *b2, *b3];
    }
    for (byte, plane) in rest.iter_mut().zip([p0, p1, p2]) {
        *byte = plane[full];
    }
}

/// The four planes; the first ones are longer by one if the length is not a multiple of 4.
fn cut(planes: &mut [u8]) -> [&mut [u8]; 4] {
    let length = planes.len();
    let plane = |index: usize| (length + 3 - index) / 4;
    let (p0, rest) = planes.split_at_mut(plane(0));
    let (p1, rest) = rest.split_at_mut(plane(1));
    let (p2, p3) = rest.split_at_mut(plane(2));
    [p0, p1, p2, p3]
}

#[cfg(test)]
mod tests;
