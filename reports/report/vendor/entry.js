export {plot, dot, line, lineY, ruleX, ruleY, areaY, axisX, axisY, gridX, gridY, text, barX} from "@observablehq/plot";
export {ticks} from "d3-array";
export {symbol, symbolAsterisk, symbolCircle, symbolCross, symbolDiamond, symbolDiamond2, symbolPlus, symbolSquare, symbolSquare2, symbolStar, symbolTimes, symbolTriangle, symbolTriangle2, symbolWye} from "d3-shape";
