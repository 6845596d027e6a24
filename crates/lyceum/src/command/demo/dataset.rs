//! The chemical elements as JSON Lines.

use serde_json::json;

use super::client::File;

const CARD: &str = "---
license: cc0-1.0
language:
- en
pretty_name: Chemical elements
tags:
- chemistry
- demo
size_categories:
- n<1K
configs:
- config_name: default
  data_files: elements.jsonl
---

# Chemical elements

The 118 known elements in the order of their atomic number, one JSON object per line.

| column | type | meaning |
|---|---|---|
| `number` | integer | atomic number |
| `symbol` | string | one or two letters |
| `name` | string | English name |

```python
from datasets import load_dataset

elements = load_dataset(\"demo/chemical-elements\", split=\"train\")
print(elements[0])
```
";

/// Symbol and name of each element, by atomic number.
const ELEMENTS: &str = "\
H Hydrogen,He Helium,Li Lithium,Be Beryllium,B Boron,C Carbon,N Nitrogen,O Oxygen,F Fluorine,Ne Neon,Na Sodium,\
Mg Magnesium,Al Aluminium,Si Silicon,P Phosphorus,S Sulfur,Cl Chlorine,Ar Argon,K Potassium,Ca Calcium,Sc Scandium,\
Ti Titanium,V Vanadium,Cr Chromium,Mn Manganese,Fe Iron,Co Cobalt,Ni Nickel,Cu Copper,Zn Zinc,Ga Gallium,\
Ge Germanium,As Arsenic,Se Selenium,Br Bromine,Kr Krypton,Rb Rubidium,Sr Strontium,Y Yttrium,Zr Zirconium,\
Nb Niobium,Mo Molybdenum,Tc Technetium,Ru Ruthenium,Rh Rhodium,Pd Palladium,Ag Silver,Cd Cadmium,In Indium,Sn Tin,\
Sb Antimony,Te Tellurium,I Iodine,Xe Xenon,Cs Caesium,Ba Barium,La Lanthanum,Ce Cerium,Pr Praseodymium,Nd Neodymium,\
Pm Promethium,Sm Samarium,Eu Europium,Gd Gadolinium,Tb Terbium,Dy Dysprosium,Ho Holmium,Er Erbium,Tm Thulium,\
Yb Ytterbium,Lu Lutetium,Hf Hafnium,Ta Tantalum,W Tungsten,Re Rhenium,Os Osmium,Ir Iridium,Pt Platinum,Au Gold,\
Hg Mercury,Tl Thallium,Pb Lead,Bi Bismuth,Po Polonium,At Astatine,Rn Radon,Fr Francium,Ra Radium,Ac Actinium,\
Th Thorium,Pa Protactinium,U Uranium,Np Neptunium,Pu Plutonium,Am Americium,Cm Curium,Bk Berkelium,Cf Californium,\
Es Einsteinium,Fm Fermium,Md Mendelevium,No Nobelium,Lr Lawrencium,Rf Rutherfordium,Db Dubnium,Sg Seaborgium,\
Bh Bohrium,Hs Hassium,Mt Meitnerium,Ds Darmstadtium,Rg Roentgenium,Cn Copernicium,Nh Nihonium,Fl Flerovium,\
Mc Moscovium,Lv Livermorium,Ts Tennessine,Og Oganesson";

/// Returns the files of the dataset.
pub(super) fn files() -> Vec<File> {
    vec![
        File { path: "README.md", content: CARD.as_bytes().to_vec(), large: false },
        File { path: "elements.jsonl", content: rows().into_bytes(), large: false },
    ]
}

fn rows() -> String {
    let mut rows = String::new();
    for (index, element) in ELEMENTS.split(',').enumerate() {
        let (symbol, name) = element.split_once(' ').expect("each element has a symbol and a name");
        let row = json!({ "number": index + 1, "symbol": symbol, "name": name });
        rows.push_str(&row.to_string());
        rows.push('\n');
    }
    rows
}

#[cfg(test)]
mod tests {
    //! Tests of the demo's dataset.

    use super::rows;

    #[test]
    fn there_are_118_elements() {
        let rows = rows();
        assert_eq!(rows.lines().count(), 118);
        assert_eq!(rows.lines().last(), Some("{\"name\":\"Oganesson\",\"number\":118,\"symbol\":\"Og\"}"));
    }
}
